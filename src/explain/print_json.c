// SPDX-License-Identifier: Apache-2.0

#include "explain/print.h"

#include "explain/face.h"
#include "explain/remedy.h"
#include "patch/manifest.h"

static void
put_string(struct graft_text *text, const char *key, const char *str)
{
	graft_text_printf(text, "\"%s\":", key);
	graft_manifest_put_string(text, str);
}

static void
put_classes(struct graft_text *text, uint32_t classes)
{
	const char *name;

	graft_text_put(text, "\"classes\":[");
	for (unsigned i = 0; (name = graft_class_name(classes, i)); i++)
		graft_text_printf(text, "%s\"%s\"", i ? "," : "", name);
	graft_text_put(text, "]");
}

static void
put_insn(struct graft_text *text, const char *key,
	 const struct graft_explained_insn *insn)
{
	if (!insn->text) {
		graft_text_printf(text, "\"%s\":null", key);
		return;
	}
	graft_text_printf(text, "\"%s\":{\"offset\":%u,", key, insn->off);
	put_string(text, "text", insn->text);
	if (insn->line)
		graft_text_printf(text, ",\"file\":%u,\"line\":%u", insn->file,
				  insn->line);
	graft_text_put(text, "}");
}

static void
put_func(struct graft_text *text, const struct graft_explained_func *func)
{
	graft_text_put(text, "{");
	put_string(text, "name", func->name);
	graft_text_put(text, ",");
	put_string(text, "fate", graft_face_fate(func->fate));
	graft_text_put(text, ",");
	put_classes(text, func->classes);
	graft_text_put(text, ",");
	put_string(text, "why", func->why);
	graft_text_printf(text,
			  ",\"old_addr\":%llu,\"old_size\":%llu,"
			  "\"new_addr\":%llu,\"new_size\":%llu,\"cut\":%s,"
			  "\"rows\":[",
			  (unsigned long long)func->old_addr,
			  (unsigned long long)func->old_size,
			  (unsigned long long)func->new_addr,
			  (unsigned long long)func->new_size,
			  func->cut ? "true" : "false");
	for (size_t i = 0; i < func->row_count; i++) {
		graft_text_put(text, i ? ",\n{" : "\n{");
		put_insn(text, "old", &func->rows[i].old_insn);
		graft_text_put(text, ",");
		put_insn(text, "new", &func->rows[i].new_insn);
		graft_text_put(text, ",");
		put_classes(text, func->rows[i].classes);
		graft_text_put(text, "}");
	}
	graft_text_put(text, "]}");
}

static void
put_reasons(struct graft_text *text,
	    const struct graft_explained_module *module,
	    const struct graft_patch_module *patch)
{
	graft_text_put(text, ",\"reasons\":[");
	for (size_t i = 0; i < patch->reason_count; i++) {
		const struct graft_reason *reason = &patch->reasons[i];
		size_t func = graft_face_find(module, reason);
		graft_text_put(text, i ? ",{" : "{");
		put_string(text, "rule", reason->rule);
		graft_text_put(text, ",");
		put_string(text, "about", graft_remedy_about(reason->rule));
		graft_text_put(text, ",");
		put_string(text, "where", reason->where);
		graft_text_put(text, ",");
		put_string(text, "text", reason->text);
		graft_text_put(text, ",");
		put_string(text, "remedy", graft_face_remedy(reason));
		graft_text_printf(text, ",\"note\":%s,\"function\":",
				  reason->note ? "true" : "false");
		if (func == GRAFT_FACE_NONE)
			graft_text_put(text, "null}");
		else
			graft_text_printf(text, "%zu}", func);
	}
	graft_text_put(text, "]");
}

static void
put_module(struct graft_text *text, const struct graft_explained_module *module,
	   const struct graft_patch_module *patch)
{
	graft_text_put(text, "{");
	put_string(text, "path", patch->path);
	put_reasons(text, module, patch);
	graft_text_put(text, ",\"files\":[");
	for (size_t i = 0; i < module->file_count; i++) {
		graft_text_put(text, i ? "," : "");
		graft_manifest_put_string(text, module->files[i]);
	}
	graft_text_put(text, "],\"functions\":[");
	for (size_t i = 0; i < module->func_count; i++) {
		graft_text_put(text, i ? ",\n" : "\n");
		put_func(text, &module->funcs[i]);
	}
	graft_text_put(text, "]}");
}

void
graft_explain_print_json(const struct graft_explanation *explanation,
			 const struct graft_patch *patch,
			 struct graft_text *text)
{
	graft_text_put(text, "{\"modules\":[");
	for (size_t i = 0; i < explanation->count && i < patch->module_count;
	     i++) {
		graft_text_put(text, i ? ",\n" : "\n");
		put_module(text, &explanation->modules[i], &patch->modules[i]);
	}
	graft_text_put(text, "]}");
}
