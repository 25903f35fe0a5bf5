// SPDX-License-Identifier: Apache-2.0

#include "explain/explain.h"

#include "base/text.h"
#include "base/vec.h"
#include "diff/change/line.h"
#include "diff/diff.h"
#include "elf/lines.h"
#include "explain/classify.h"
#include "explain/side.h"
#include "explain/visible.h"
#include "judge/flow/twin.h"

#include <string.h>

enum {
	/** Rows of one module; what goes beyond has a sentence only. */
	ROWS_MAX = 1 << 20,
	/** Rows of one function. */
	FUNC_ROWS_MAX = 1 << 17,
	PATH_MAX_SHOWN = 200,
};

/** The work on one module. */
struct work {
	struct graft_diff *diff;
	struct graft_explained_module *module;
	struct graft_side old_side;
	struct graft_side new_side;
	struct graft_classifier classifier;
};

static void
deinit_work(struct work *work)
{
	graft_dwarf_close(work->old_side.dwarf);
	graft_dwarf_close(work->new_side.dwarf);
	graft_classifier_deinit(&work->classifier);
}

/** Find a source file in the module's list, or add it. */
static struct graft_error *
find_file(struct graft_explained_module *module, const char *path,
	  uint32_t *ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err;

	graft_visible_put(&text, path, strlen(path), PATH_MAX_SHOWN);
	// From the end: mostly it is the file of the line before.
	for (size_t i = module->file_count; i-- > 0;) {
		if (strcmp(module->files[i], graft_text_str(&text)) == 0) {
			*ret = (uint32_t)i;
			return NULL;
		}
	}
	err = graft_vec_reserve(&module->files, &module->file_cap,
				module->file_count + 1, sizeof(*module->files));
	if (!err)
		err = graft_text_take(&text,
				      &module->files[module->file_count]);
	if (!err)
		*ret = (uint32_t)module->file_count++;
	return err;
}

/** Fill one half of a row. */
static struct graft_error *
fill_insn(struct work *work, const struct graft_side *side,
	  const struct graft_op *op, struct graft_explained_insn *ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_line line = { 0 };

	ret->off = side->code->insns[op->insn].off;
	graft_side_put_insn(side, op->func, op->insn, &text);
	if (side->dwarf && graft_dwarf_line_at(side->dwarf, op->addr, &line) &&
	    line.line) {
		struct graft_error *err = find_file(work->module, line.file,
						    &ret->file);
		if (err)
			return err;
		ret->line = line.line;
	}
	return graft_text_take(&text, &ret->text);
}

/** Add a row; either operation may be NULL. */
static struct graft_error *
add_row(struct work *work, struct graft_explained_func *func,
	const struct graft_op *o, const struct graft_op *n, uint32_t classes)
{
	struct graft_error *err = graft_vec_reserve(&func->rows, &func->row_cap,
						    func->row_count + 1,
						    sizeof(*func->rows));
	if (err)
		return err;
	struct graft_explained_row *row = &func->rows[func->row_count++];
	*row = (struct graft_explained_row){ .classes = classes };
	work->module->row_count++;
	if (o)
		err = fill_insn(work, &work->old_side, o, &row->old_insn);
	if (!err && n)
		err = fill_insn(work, &work->new_side, n, &row->new_insn);
	return err;
}

/** Say whether an instruction of one side is a row of its own. Padding says
 * nothing. */
static bool
is_alone(const struct graft_ops *ops, const bool *paired, uint32_t at)
{
	return ops->ops[at].what != GRAFT_OP_NOP && !(paired && paired[at]);
}

/** Add what stands alone on either side, up to two instructions. */
static struct graft_error *
add_alone(struct work *work, struct graft_explained_func *func,
	  const struct graft_twin *twin, uint32_t *o, uint32_t o_end,
	  uint32_t *n, uint32_t n_end)
{
	uint32_t code = func->classes & GRAFT_CLASS_CODE
				? GRAFT_CLASS_CODE
				: GRAFT_CLASS_TOOLCHAIN;
	struct graft_error *err = NULL;

	for (; !err && *o < o_end; (*o)++) {
		if (is_alone(&twin->old_ops, twin->old_paired, *o))
			err = add_row(work, func, &twin->old_ops.ops[*o], NULL,
				      code);
	}
	for (; !err && *n < n_end; (*n)++) {
		if (is_alone(&twin->new_ops, twin->new_paired, *n))
			err = add_row(work, func, NULL, &twin->new_ops.ops[*n],
				      code);
	}
	return err;
}

static struct graft_error *
add_rows(struct work *work, struct graft_explained_func *func,
	 const struct graft_twin *twin, const uint32_t *pairs)
{
	struct graft_error *err = NULL;
	uint32_t o = 0;
	uint32_t n = 0;

	if ((uint64_t)twin->old_ops.count + twin->new_ops.count >
		    FUNC_ROWS_MAX ||
	    work->module->row_count + twin->old_ops.count +
			    twin->new_ops.count >
		    ROWS_MAX) {
		func->cut = true;
		return NULL;
	}
	for (size_t i = 0; !err && i < twin->count; i++) {
		const struct graft_twin_pair *pair = &twin->pairs[i];
		err = add_alone(work, func, twin, &o, pair->o, &n, pair->n);
		if (!err)
			err = add_row(work, func, &twin->old_ops.ops[pair->o],
				      &twin->new_ops.ops[pair->n], pairs[i]);
		// Pairs of another part may stand before what was shown.
		o = o > pair->o ? o : pair->o + 1;
		n = n > pair->n ? n : pair->n + 1;
	}
	if (err)
		return err;
	return add_alone(work, func, twin, &o, twin->old_ops.count, &n,
			 twin->new_ops.count);
}

/** Add a function with what is known before it is compared. */
static struct graft_error *
add_func(struct work *work, uint32_t new_func, enum graft_fate fate,
	 struct graft_explained_func **ret)
{
	struct graft_explained_module *module = work->module;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text name = { 0 };
	const struct graft_func *nf = &work->diff->new_code->funcs[new_func];
	uint32_t other = work->diff->new_match[new_func].other;

	struct graft_error *err = graft_vec_reserve(
		&module->funcs, &module->func_cap, module->func_count + 1,
		sizeof(*module->funcs));
	if (err)
		return err;
	struct graft_explained_func *func =
		&module->funcs[module->func_count++];
	*func = (struct graft_explained_func){
		.fate = (uint8_t)fate,
		.new_addr = nf->addr,
		.new_size = nf->size,
	};
	if (other != GRAFT_NONE) {
		const struct graft_func *of =
			&work->diff->old_code->funcs[other];
		func->old_addr = of->addr;
		func->old_size = of->size;
	}
	graft_side_put_func(&work->new_side, new_func, &name);
	*ret = func;
	return graft_text_take(&name, &func->name);
}

/** Explain a function that OLD has too. */
static struct graft_error *
explain_pair(struct work *work, uint32_t new_func, enum graft_fate fate)
{
	GRAFT_CLEANUP(graft_twin_deinit) struct graft_twin twin = { 0 };
	struct graft_explained_func *func = NULL;

	struct graft_error *err = add_func(work, new_func, fate, &func);
	if (!err)
		err = graft_twin_make(work->diff, new_func, &twin);
	if (err)
		return err;
	GRAFT_FREE uint32_t *pairs = calloc(twin.count + 1, sizeof(*pairs));
	if (!pairs)
		return graft_error_no_memory();
	err = graft_classify(&work->classifier, &twin, pairs, func);
	if (err)
		return err;
	return add_rows(work, func, &twin, pairs);
}

/** Explain a function that OLD does not have. */
static struct graft_error *
explain_added(struct work *work, uint32_t new_func)
{
	GRAFT_CLEANUP(graft_twin_deinit) struct graft_twin twin = { 0 };
	struct graft_explained_func *func = NULL;

	struct graft_error *err = add_func(work, new_func, GRAFT_FATE_ADDED,
					   &func);
	if (err)
		return err;
	func->classes = GRAFT_CLASS_NEW;
	func->why = strdup("OLD has no such function");
	if (!func->why)
		return graft_error_no_memory();
	// A twin without an old half.
	twin.old_ops.func = GRAFT_NONE;
	err = graft_ops_read(work->diff->new_code, new_func, &twin.new_ops);
	if (err)
		return err;
	return add_rows(work, func, &twin, NULL);
}

static struct graft_error *
explain_func(struct work *work, uint32_t n)
{
	const struct graft_diff *diff = work->diff;
	const struct graft_func_match *match = &diff->new_match[n];

	if (match->carried && match->other == GRAFT_NONE)
		return explain_added(work, n);
	if (match->carried)
		return explain_pair(work, n, GRAFT_FATE_CHANGED);
	if (graft_line_is_left(diff, n) || n == diff->left_main)
		return explain_pair(work, n, GRAFT_FATE_LEFT);
	return NULL;
}

struct graft_error *
graft_explain_add(struct graft_explanation *explanation)
{
	struct graft_error *err = graft_vec_reserve(
		&explanation->modules, &explanation->cap,
		explanation->count + 1, sizeof(*explanation->modules));
	if (!err)
		explanation->modules[explanation->count++] =
			(struct graft_explained_module){ 0 };
	return err;
}

struct graft_error *
graft_explain_module(struct graft_diff *diff,
		     struct graft_explained_module *module)
{
	GRAFT_CLEANUP(deinit_work)
	struct work work = {
		.diff = diff,
		.module = module,
		.old_side = { diff, diff->old_code, NULL, false },
		.new_side = { diff, diff->new_code, NULL, true },
	};

	module->made = true;
	struct graft_error *err = graft_classifier_init(diff, &work.classifier);
	if (err)
		return err;
	// Without debug information there are no lines, and that is no error.
	graft_error_free(
		graft_dwarf_open(diff->old_image, &work.old_side.dwarf));
	graft_error_free(
		graft_dwarf_open(diff->new_image, &work.new_side.dwarf));
	for (uint32_t n = 0; !err && n < diff->new_code->func_count; n++)
		err = explain_func(&work, n);
	return err;
}
