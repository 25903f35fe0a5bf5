// SPDX-License-Identifier: Apache-2.0

#include "cmd/core.h"

#include "base/text.h"
#include "plan/dump.h"
#include "report/quote.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

/** A dump and what was found in it. */
struct found {
	const struct graft_core *core;
	const struct graft_headers *headers;
};

/** As `graft status` calls it. */
static const char *
state_name(enum graft_dump_state state)
{
	static const char *const names[] = {
		[GRAFT_DUMP_APPLIED] = "applied",
		[GRAFT_DUMP_REPLACED] = "replaced",
		[GRAFT_DUMP_REVERTED] = "reverted",
		[GRAFT_DUMP_INCOMPLETE] = "incomplete",
		[GRAFT_DUMP_DAMAGED] = "damaged",
		[GRAFT_DUMP_UNKNOWN] = "unknown",
	};

	return names[state];
}

/** Entry of the carried function to which a jump leads. */
static uint64_t
carried_at(const struct graft_header_redirect *redirect)
{
	return redirect->target - redirect->skip;
}

static void
put_threads(const struct found *found, const struct graft_header *header,
	    struct graft_text *text)
{
	for (size_t i = 0; i < found->core->thread_count; i++) {
		const struct graft_core_thread *t = &found->core->threads[i];
		const struct graft_header_redirect *at;
		if (!graft_dump_is_carried(header, t->pc, &at))
			continue;
		graft_text_printf(
			text, "  thread %d was in carried code, at 0x%" PRIx64,
			(int)t->tid, t->pc);
		if (at) {
			graft_text_printf(
				text, ": 0x%" PRIx64 " behind the entry of ",
				t->pc - carried_at(at));
			graft_text_put_safe(text, at->name);
		}
		graft_text_put(text, "\n");
	}
}

static void
put_hotpatch(const struct found *found, const struct graft_header *header,
	     enum graft_dump_state state, struct graft_text *text)
{
	graft_text_printf(text, "%s %.12s", state_name(state), header->id);
	if (header->title[0]) {
		graft_text_put(text, " ");
		graft_text_put_safe(text, header->title);
	}
	graft_text_put(text, "\n  in ");
	graft_text_put_safe(text, header->module);
	graft_text_printf(text, ", its new build laid at 0x%" PRIx64 "\n",
			  header->shadow_base);
	for (uint32_t i = 0; i < header->region_count; i++) {
		const struct graft_header_region *r = &header->regions[i];
		graft_text_printf(text,
				  "  0x%" PRIx64 "-0x%" PRIx64 " carried %s\n",
				  r->addr, r->addr + r->len,
				  r->prot & PROT_EXEC    ? "code"
				  : r->prot & PROT_WRITE ? "variables"
							 : "constants");
	}
	for (uint32_t i = 0; i < header->redirect_count; i++) {
		const struct graft_header_redirect *r = &header->redirects[i];
		graft_text_printf(text,
				  "  0x%" PRIx64 " replaces 0x%" PRIx64 " ",
				  carried_at(r), r->entry);
		graft_text_put_safe(text, r->name);
		graft_text_put(text, "\n");
	}
	put_threads(found, header, text);
}

GRAFT_MUST_CHECK static struct graft_error *
put_text(const struct found *found, struct graft_text *text)
{
	const struct graft_core *core = found->core;

	graft_text_printf(text, "process %d (", (int)core->pid);
	graft_text_put_safe(text, core->comm);
	graft_text_printf(text, "), %zu thread%s\n", core->thread_count,
			  core->thread_count == 1 ? "" : "s");
	if (!found->headers->count)
		graft_text_put(text, "no hotpatch\n");
	for (size_t i = 0; i < found->headers->count; i++) {
		const struct graft_header *header = found->headers->headers[i];
		enum graft_dump_state state;
		struct graft_error *err = graft_dump_state(core, found->headers,
							   header, &state);
		if (err)
			return err;
		put_hotpatch(found, header, state, text);
	}
	return NULL;
}

/** Addresses are strings: a number of JSON holds 53 bits. */
static bool
add_addr(cJSON *object, const char *name, uint64_t addr)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "0x%" PRIx64, addr);
	return cJSON_AddStringToObject(object, name, text) != NULL;
}

static bool
add_regions(cJSON *object, const struct graft_header *header)
{
	cJSON *list = cJSON_AddArrayToObject(object, "regions");
	bool ok = list != NULL;

	for (uint32_t i = 0; ok && i < header->region_count; i++) {
		const struct graft_header_region *r = &header->regions[i];
		cJSON *item = cJSON_CreateObject();
		ok = cJSON_AddItemToArray(list, item) &&
		     add_addr(item, "start", r->addr) &&
		     add_addr(item, "end", r->addr + r->len) &&
		     cJSON_AddBoolToObject(item, "code", r->prot & PROT_EXEC);
	}
	return ok;
}

static bool
add_functions(cJSON *object, const struct graft_header *header)
{
	cJSON *list = cJSON_AddArrayToObject(object, "functions");
	bool ok = list != NULL;

	for (uint32_t i = 0; ok && i < header->redirect_count; i++) {
		const struct graft_header_redirect *r = &header->redirects[i];
		cJSON *item = cJSON_CreateObject();
		ok = cJSON_AddItemToArray(list, item) &&
		     graft_report_add_string(item, "name", r->name) &&
		     add_addr(item, "old", r->entry) &&
		     add_addr(item, "new", carried_at(r));
	}
	return ok;
}

static bool
add_threads(cJSON *object, const struct graft_core *core,
	    const struct graft_header *header)
{
	cJSON *list = cJSON_AddArrayToObject(object, "threads_in_carried_code");
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < core->thread_count; i++) {
		const struct graft_core_thread *t = &core->threads[i];
		const struct graft_header_redirect *at;
		if (!graft_dump_is_carried(header, t->pc, &at))
			continue;
		cJSON *item = cJSON_CreateObject();
		ok = cJSON_AddItemToArray(list, item) &&
		     cJSON_AddNumberToObject(item, "tid", t->tid) &&
		     add_addr(item, "pc", t->pc) &&
		     (!at || graft_report_add_string(item, "behind", at->name));
	}
	return ok;
}

/** Add one hotpatch. @param[out] ok_ret false: out of memory. */
GRAFT_MUST_CHECK static struct graft_error *
add_hotpatch(cJSON *list, const struct found *found,
	     const struct graft_header *header, bool *ok_ret)
{
	enum graft_dump_state state;
	struct graft_error *err = graft_dump_state(found->core, found->headers,
						   header, &state);
	if (err)
		return err;
	cJSON *object = cJSON_CreateObject();
	*ok_ret = cJSON_AddItemToArray(list, object) &&
		  cJSON_AddStringToObject(object, "id", header->id) &&
		  graft_report_add_string(object, "title", header->title) &&
		  graft_report_add_string(object, "module", header->module) &&
		  cJSON_AddStringToObject(object, "state", state_name(state)) &&
		  add_addr(object, "base", header->base) &&
		  add_addr(object, "shadow_base", header->shadow_base) &&
		  add_regions(object, header) &&
		  add_functions(object, header) &&
		  add_threads(object, found->core, header);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
put_json(const struct found *found, struct graft_text *text)
{
	struct graft_error *err = NULL;
	cJSON *root = cJSON_CreateObject();
	bool ok = root &&
		  cJSON_AddNumberToObject(root, "pid", found->core->pid) &&
		  graft_report_add_string(root, "comm", found->core->comm) &&
		  cJSON_AddNumberToObject(root, "threads",
					  (double)found->core->thread_count);
	cJSON *list = ok ? cJSON_AddArrayToObject(root, "hotpatches") : NULL;

	ok = list != NULL;
	for (size_t i = 0; ok && !err && i < found->headers->count; i++)
		err = add_hotpatch(list, found, found->headers->headers[i],
				   &ok);
	if (err) {
		cJSON_Delete(root);
		return err;
	}
	return graft_report_take_json(root, ok, text);
}

struct graft_error *
graft_core_show(const char *path, bool json, int *status_ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_CLEANUP(graft_headers_freep) struct graft_headers *headers = NULL;
	GRAFT_CLEANUP(graft_core_closep) struct graft_core *core = NULL;
	struct graft_error *err = graft_core_open(path, &core);

	if (!err)
		err = graft_dump_find(core, &headers);
	if (err)
		return err;
	struct found found = { .core = core, .headers = headers };
	err = json ? put_json(&found, &text) : put_text(&found, &text);
	if (err)
		return graft_error_prefix(err, "%s", path);
	if (text.failed)
		return graft_error_no_memory();
	(void)fputs(graft_text_str(&text), stdout);
	*status_ret = 0;
	return NULL;
}
