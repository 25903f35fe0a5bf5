// SPDX-License-Identifier: Apache-2.0

#include "patch/manifest.h"

#include "base/utf8.h"
#include "patch/json.h"
#include "patch/limits.h"
#include "patch/objects.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static void
cjson_freep(cJSON **json)
{
	cJSON_Delete(*json);
}

static void
read_reasons(struct graft_json *o, struct graft_patch_module *m)
{
	const cJSON *array = graft_json_take_array(
		o, "reasons", GRAFT_PATCH_REASONS_MAX, sizeof(*m->reasons),
		&m->reasons, &m->reason_count);
	const cJSON *element = array ? array->child : NULL;

	for (size_t i = 0; element && !o->err; i++, element = element->next) {
		struct graft_reason *r = &m->reasons[i];
		struct graft_json inner = graft_json_enter(o, element,
							   "reason");
		if (o->err)
			return;
		r->rule = graft_json_take_string(&inner, "rule");
		r->where = graft_json_take_string(&inner, "where");
		r->text = graft_json_take_string(&inner, "text");
		if (graft_json_has(&inner, "note")) {
			r->note = cJSON_IsTrue(graft_json_take(&inner, "note"));
			if (!r->note)
				graft_json_bad(&inner, "note", "not true");
		}
		graft_json_leave(o, &inner, "reason");
	}
}

static void
read_counts(struct graft_json *o, struct graft_patch_counts *counts)
{
	struct graft_json inner = graft_json_enter(
		o, graft_json_take(o, "functions"), "functions");
	if (o->err)
		return;
	counts->old_count = (uint32_t)graft_json_take_number(&inner, "old",
							     UINT32_MAX);
	counts->new_count = (uint32_t)graft_json_take_number(&inner, "new",
							     UINT32_MAX);
	counts->changed = (uint32_t)graft_json_take_number(&inner, "changed",
							   UINT32_MAX);
	counts->added = (uint32_t)graft_json_take_number(&inner, "added",
							 UINT32_MAX);
	counts->carried = (uint32_t)graft_json_take_number(&inner, "carried",
							   UINT32_MAX);
	graft_json_leave(o, &inner, "functions");
}

static void
read_verdict(struct graft_json *o, struct graft_patch_module *m)
{
	const char *name = graft_json_take_chars(o, "verdict");
	unsigned i = 0;

	while (name && i <= GRAFT_VERDICT_BASELINE &&
	       strcmp(name, graft_verdict_name((enum graft_verdict)i)) != 0)
		i++;
	if (i > GRAFT_VERDICT_BASELINE)
		graft_json_bad(o, "verdict", "no verdict");
	else
		m->verdict = (enum graft_verdict)i;

	name = graft_json_take_chars(o, "assurance");
	i = 0;
	while (name && i <= GRAFT_ASSURANCE_PROVEN &&
	       strcmp(name, graft_assurance_name((enum graft_assurance)i)) != 0)
		i++;
	if (i > GRAFT_ASSURANCE_PROVEN)
		graft_json_bad(o, "assurance", "no assurance");
	else
		m->assurance = (enum graft_assurance)i;
}

static void
read_elf(struct graft_json *o, const struct graft_patch *patch, size_t i,
	 struct graft_manifest_elf *elf)
{
	char member[GRAFT_TAR_NAME_LEN];
	struct graft_json inner = graft_json_enter(o, graft_json_take(o, "elf"),
						   "elf");
	if (o->err)
		return;
	const char *name = graft_json_take_chars(&inner, "member");
	graft_manifest_member(patch, i, member);
	// The name is made, not taken: nothing here can name another file.
	if (name && strcmp(name, member) != 0)
		graft_json_bad(&inner, "member", "not the name of this module");
	elf->size = graft_json_take_number(&inner, "size", GRAFT_PATCH_ELF_MAX);
	graft_json_take_sha256(&inner, "sha256", elf->sha256);
	elf->delta = graft_json_has(&inner, "skeleton_sha256");
	if (elf->delta)
		graft_json_take_sha256(&inner, "skeleton_sha256",
				       elf->skeleton_sha256);
	graft_json_leave(o, &inner, "elf");
}

static void
read_frames(struct graft_json *o, struct graft_patch_module *m)
{
	struct graft_json inner =
		graft_json_enter(o, graft_json_take(o, "frames"), "frames");
	if (o->err)
		return;
	m->frames_addr = graft_json_take_number(&inner, "addr",
						GRAFT_PATCH_ADDR_END);
	m->frames_len = graft_json_take_number(&inner, "size",
					       GRAFT_PATCH_ELF_MAX);
	if (!m->frames_len)
		graft_json_bad(&inner, "size", "no unwind tables");
	graft_json_leave(o, &inner, "frames");
}

static void
read_immediate(struct graft_json *o, struct graft_patch_module *m)
{
	const char *name = graft_json_take_chars(o, "immediate");

	if (name && strcmp(name, "proven") == 0) {
		m->immediate = GRAFT_IMMEDIATE_PROVEN;
	} else if (name && strcmp(name, "refused") == 0) {
		m->immediate = GRAFT_IMMEDIATE_REFUSED;
		m->immediate_why = graft_json_take_string(o, "immediate_why");
	} else {
		graft_json_bad(o, "immediate", "no answer");
	}
}

static void
read_module(struct graft_json *o, struct graft_patch *patch, size_t i,
	    struct graft_manifest_elf *elf)
{
	struct graft_patch_module *m = &patch->modules[i];

	m->path = graft_json_take_string(o, "path");
	m->soname = graft_json_take_optional(o, "soname");
	m->old_build_id_len = graft_json_take_hex(
		o, "old_build_id", sizeof(m->old_build_id), m->old_build_id);
	m->new_build_id_len = graft_json_take_hex(
		o, "new_build_id", sizeof(m->new_build_id), m->new_build_id);
	graft_json_take_sha256(o, "old_sha256", m->old_sha256);
	graft_json_take_sha256(o, "new_sha256", m->new_sha256);
	read_verdict(o, m);
	read_reasons(o, m);
	read_counts(o, &m->counts);
	if (o->err || m->verdict != GRAFT_VERDICT_HOTPATCH)
		return;
	m->carried_bytes = graft_json_take_number(o, "carried_bytes",
						  UINT64_MAX);
	if (graft_json_has(o, "frames"))
		read_frames(o, m);
	graft_objects_take(o, m);
	if (graft_json_has(o, "immediate"))
		read_immediate(o, m);
	read_elf(o, patch, i, elf);
}

static void
read_modules(struct graft_json *o, struct graft_patch *patch,
	     struct graft_manifest_elf **elfs_ret)
{
	const cJSON *array = graft_json_take_array(
		o, "modules", GRAFT_LIMIT_MODULES, sizeof(*patch->modules),
		&patch->modules, &patch->module_count);
	const cJSON *element = array ? array->child : NULL;
	if (o->err)
		return;

	*elfs_ret = calloc(patch->module_count + 1, sizeof(**elfs_ret));
	if (!*elfs_ret)
		graft_json_no_memory(o);
	for (size_t i = 0; element && !o->err; i++, element = element->next) {
		char what[32];
		(void)snprintf(what, sizeof(what), "module %zu", i);
		struct graft_json inner = graft_json_enter(o, element, what);
		if (o->err)
			return;
		read_module(&inner, patch, i, &(*elfs_ret)[i]);
		graft_json_leave(o, &inner, what);
	}
}

static void
read_disk(struct graft_json *o, const cJSON *element,
	  struct graft_manifest_disk *disk)
{
	struct graft_json inner = graft_json_enter(o, element, "disk");
	if (o->err)
		return;
	disk->size = graft_json_take_number(&inner, "size",
					    GRAFT_LIMIT_MANIFEST_BYTES);
	graft_json_take_sha256(&inner, "sha256", disk->sha256);
	graft_json_leave(o, &inner, "disk");
}

static void
read_disks(struct graft_json *o, struct graft_manifest_disks *disks)
{
	const cJSON *element;
	uint64_t total = 0;

	if (graft_json_has(o, "disk")) {
		disks->items = calloc(1, sizeof(*disks->items));
		if (!disks->items) {
			graft_json_no_memory(o);
			return;
		}
		disks->count = 1;
		read_disk(o, graft_json_take(o, "disk"), disks->items);
		return;
	}
	if (!graft_json_has(o, "disks"))
		return;
	const cJSON *array = graft_json_take_array(
		o, "disks", GRAFT_PATCH_DISKS_MAX, sizeof(*disks->items),
		&disks->items, &disks->count);
	element = array ? array->child : NULL;
	for (size_t i = 0; element && !o->err; i++, element = element->next) {
		read_disk(o, element, &disks->items[i]);
		total += disks->items[i].size;
	}
	// Together they are no larger than one may be.
	if (!o->err && total > GRAFT_LIMIT_MANIFEST_BYTES)
		graft_json_bad(o, "disks", "together too large");
}

static void
read_patch(struct graft_json *o, struct graft_patch *patch,
	   struct graft_manifest_elf **elfs_ret,
	   struct graft_manifest_disks *disks_ret)
{
	uint64_t format = graft_json_take_number(o, "format", 1 << 20);
	if (!o->err && format > GRAFT_PATCH_FORMAT)
		o->err = graft_error_new(GRAFT_ERROR_UNSUPPORTED,
					 "made by a newer graft (format %llu)",
					 (unsigned long long)format);
	if (format < 1)
		graft_json_bad(o, "format", "no format");
	// Whether they do is known when the modules are.
	patch->jumps_behind = format >= 3;
	patch->is_low = format == 7;

	const char *id = graft_json_take_chars(o, "id");
	if (id && strlen(id) != GRAFT_PATCH_ID_LEN)
		graft_json_bad(o, "id", "not 32 digits");
	else if (id)
		memcpy(patch->id, id, GRAFT_PATCH_ID_LEN);
	patch->title = graft_json_take_string(o, "title");
	patch->classification = graft_json_take_string(o, "classification");
	patch->toolchain = graft_json_take_string(o, "toolchain");
	patch->package = graft_json_take_optional(o, "package");
	patch->old_version = graft_json_take_optional(o, "old_version");
	patch->new_version = graft_json_take_optional(o, "new_version");

	const cJSON *array = graft_json_take_array(
		o, "cves", GRAFT_PATCH_CVES_MAX, sizeof(*patch->cves),
		&patch->cves, &patch->cve_count);
	struct graft_json cves = { .next = array ? array->child : NULL };
	// Elements of an array have no key: give them to graft_json_take() by hand.
	for (size_t i = 0; cves.next && !o->err; i++) {
		if (!cJSON_IsString(cves.next)) {
			graft_json_bad(o, "cves", "not a string");
			break;
		}
		patch->cves[i] = strdup(cves.next->valuestring);
		if (!patch->cves[i])
			graft_json_no_memory(o);
		cves.next = cves.next->next;
	}
	read_disks(o, disks_ret);
	disks_ret->joined = format >= 8;
	read_modules(o, patch, elfs_ret);
}

// Everything that reading let pass (spaces, escapes, 1e3, a wrong id) is found
// by writing it again.
static struct graft_error *
check_canonical(const char *json, size_t len, struct graft_patch *patch,
		const struct graft_manifest_elf *elfs,
		const struct graft_manifest_disks *disks)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text again = { 0 };
	char id[GRAFT_PATCH_ID_LEN + 1];
	char wanted[GRAFT_PATCH_ID_LEN + 1];

	memcpy(id, patch->id, sizeof(id));
	struct graft_error *err = graft_manifest_encode(patch, elfs, disks,
							&again);
	if (err)
		return err;
	if (again.len == len && memcmp(again.str, json, len) == 0)
		return NULL;
	// Say which: the id is of the text as it stands, canonical or not.
	if (len >= GRAFT_MANIFEST_ID_OFF + GRAFT_PATCH_ID_LEN) {
		err = graft_manifest_id(json, len, wanted);
		if (err)
			return err;
		if (strcmp(id, wanted) != 0)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "its id is not that of its "
					       "content");
	}
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "not in its one canonical form");
}

struct graft_error *
graft_manifest_decode(const char *json, size_t len, struct graft_patch **ret,
		      struct graft_manifest_elf **elfs_ret,
		      struct graft_manifest_disks *disks_ret)
{
	GRAFT_CLEANUP(graft_manifest_disks_deinit)
	struct graft_manifest_disks disks = { 0 };
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_FREE struct graft_manifest_elf *elfs = NULL;

	struct graft_error *err =
		graft_json_scan(json, len, GRAFT_PATCH_MANIFEST_VALUES_MAX);
	if (err)
		return err;
	GRAFT_CLEANUP(cjson_freep)
	cJSON *root = cJSON_ParseWithLengthOpts(json, len, NULL, 0);
	if (!cJSON_IsObject(root))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "no JSON object");
	err = graft_patch_new(&patch);
	if (err)
		return err;

	struct graft_json o = { .next = root->child };
	read_patch(&o, patch, &elfs, &disks);
	graft_json_end(&o);
	if (o.err)
		return o.err;
	err = graft_patch_check(patch);
	if (!err)
		err = check_canonical(json, len, patch, elfs, &disks);
	if (err)
		return err;
	*ret = GRAFT_TAKE(patch);
	*elfs_ret = GRAFT_TAKE(elfs);
	*disks_ret = disks;
	disks = (struct graft_manifest_disks){ 0 };
	return NULL;
}
