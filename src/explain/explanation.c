// SPDX-License-Identifier: Apache-2.0

#include "explain/explanation.h"

#include <stdlib.h>

static const struct {
	uint32_t bit;
	const char *name;
	const char *text;
} classes_table[] = {
#define GRAFT_CLASS(symbol, bit_, name_, text_)                                \
	{ GRAFT_CLASS_##symbol, name_, text_ },
#include "explain/class.def"
#undef GRAFT_CLASS
};

enum { CLASS_COUNT = sizeof(classes_table) / sizeof(*classes_table) };

/** Find the i-th class of a set in the table; #CLASS_COUNT behind the last. */
static unsigned
find_class(uint32_t classes, unsigned i)
{
	unsigned at = 0;

	for (; at < CLASS_COUNT; at++) {
		if ((classes & classes_table[at].bit) && i-- == 0)
			break;
	}
	return at;
}

const char *
graft_class_name(uint32_t classes, unsigned i)
{
	unsigned at = find_class(classes, i);

	return at < CLASS_COUNT ? classes_table[at].name : NULL;
}

const char *
graft_class_text(uint32_t classes, unsigned i)
{
	unsigned at = find_class(classes, i);

	return at < CLASS_COUNT ? classes_table[at].text : NULL;
}

static void
deinit_func(struct graft_explained_func *func)
{
	for (size_t i = 0; i < func->row_count; i++) {
		free(func->rows[i].old_insn.text);
		free(func->rows[i].new_insn.text);
	}
	free(func->rows);
	free(func->name);
	free(func->why);
}

static void
deinit_module(struct graft_explained_module *module)
{
	for (size_t i = 0; i < module->func_count; i++)
		deinit_func(&module->funcs[i]);
	for (size_t i = 0; i < module->file_count; i++)
		free(module->files[i]);
	free(module->funcs);
	free(module->files);
}

void
graft_explanation_deinit(struct graft_explanation *explanation)
{
	for (size_t i = 0; i < explanation->count; i++)
		deinit_module(&explanation->modules[i]);
	free(explanation->modules);
	*explanation = (struct graft_explanation){ 0 };
}
