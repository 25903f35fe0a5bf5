// SPDX-License-Identifier: Apache-2.0

#include "patch/disk.h"

#include "patch/json.h"
#include "patch/limits.h"

#include <cjson/cJSON.h>
#include <string.h>

static void
cjson_freep(cJSON **json)
{
	cJSON_Delete(*json);
}

static void
read_files(struct graft_json *o, const char *key, size_t max, bool modes,
	   struct graft_disk_file **files, size_t *count)
{
	const cJSON *array = graft_json_take_array(o, key, max, sizeof(**files),
						   files, count);
	const cJSON *element = array ? array->child : NULL;

	for (size_t i = 0; element && !o->err; i++, element = element->next) {
		struct graft_disk_file *file = &(*files)[i];
		struct graft_json inner = graft_json_enter(o, element, key);
		if (o->err)
			return;
		file->name = graft_json_take_string(&inner, "name");
		if (modes)
			file->mode = (uint32_t)graft_json_take_number(
				&inner, "mode", UINT32_MAX);
		file->size = graft_json_take_number(&inner, "size",
						    GRAFT_PATCH_DISK_RAW_MAX);
		graft_json_take_sha256(&inner, "sha256", file->sha256);
		graft_json_leave(o, &inner, key);
	}
}

static void
read_owner(struct graft_json *o, struct graft_disk_entry *entry)
{
	if (!graft_json_has(o, "owner")) {
		entry->user = strdup("root");
		entry->group = strdup("root");
		if (!entry->user || !entry->group)
			graft_json_no_memory(o);
		return;
	}
	struct graft_json inner =
		graft_json_enter(o, graft_json_take(o, "owner"), "owner");
	if (o->err)
		return;
	entry->uid = (uint32_t)graft_json_take_number(&inner, "uid",
						      UINT32_MAX);
	entry->gid = (uint32_t)graft_json_take_number(&inner, "gid",
						      UINT32_MAX);
	entry->user = graft_json_take_string(&inner, "user");
	entry->group = graft_json_take_string(&inner, "group");
	graft_json_leave(o, &inner, "owner");
}

static void
read_type(struct graft_json *o, struct graft_disk_entry *entry)
{
	const char *name = graft_json_take_chars(o, "type");
	unsigned i = 0;

	while (name && i <= GRAFT_DISK_LINK &&
	       strcmp(name, graft_disk_type_name((enum graft_disk_type)i)) != 0)
		i++;
	if (i > GRAFT_DISK_LINK)
		graft_json_bad(o, "type", "no type");
	else
		entry->type = (enum graft_disk_type)i;
}

static void
read_source(struct graft_json *o, struct graft_disk_entry *entry)
{
	const char *name = graft_json_take_chars(o, "source");
	unsigned i = 0;

	while (name && i <= GRAFT_DISK_WHOLE &&
	       strcmp(name,
		      graft_disk_source_name((enum graft_disk_source)i)) != 0)
		i++;
	if (i > GRAFT_DISK_WHOLE)
		graft_json_bad(o, "source", "no source");
	else
		entry->source = (enum graft_disk_source)i;
}

static void
read_file(struct graft_json *o, struct graft_disk_entry *entry)
{
	entry->size = graft_json_take_number(o, "size",
					     GRAFT_PATCH_DISK_FILE_MAX);
	graft_json_take_sha256(o, "sha256", entry->sha256);
	read_source(o, entry);
	entry->old_path = graft_json_take_optional(o, "old_path");
	if (o->err || entry->source != GRAFT_DISK_DELTA)
		return;
	entry->old_size = graft_json_take_number(o, "old_size",
						 GRAFT_PATCH_DISK_FILE_MAX);
	graft_json_take_sha256(o, "old_sha256", entry->old_sha256);
	if (graft_json_has(o, "raw_size"))
		entry->raw_size = graft_json_take_number(
			o, "raw_size", GRAFT_PATCH_DISK_RAW_MAX);
	if (graft_json_has(o, "difference_size"))
		entry->difference_size = graft_json_take_number(
			o, "difference_size", GRAFT_PATCH_DISK_FILE_MAX);
}

static void
read_entry(struct graft_json *o, struct graft_disk_entry *entry)
{
	entry->path = graft_json_take_string(o, "path");
	read_type(o, entry);
	entry->mode = (uint32_t)graft_json_take_number(o, "mode", UINT32_MAX);
	read_owner(o, entry);
	entry->mtime = graft_json_take_number(o, "mtime", UINT64_MAX);
	entry->target = graft_json_take_optional(o, "target");
	if (!o->err && entry->type == GRAFT_DISK_FILE)
		read_file(o, entry);
}

static void
read_entries(struct graft_json *o, struct graft_disk *disk)
{
	const cJSON *array = graft_json_take_array(
		o, "paths", GRAFT_PATCH_DISK_ENTRIES_MAX,
		sizeof(*disk->entries), &disk->entries, &disk->entry_count);
	const cJSON *element = array ? array->child : NULL;

	for (size_t i = 0; element && !o->err; i++, element = element->next) {
		struct graft_json inner = graft_json_enter(o, element, "path");
		if (o->err)
			return;
		read_entry(&inner, &disk->entries[i]);
		graft_json_leave(o, &inner, "path");
	}
}

static void
read_disk(struct graft_json *o, struct graft_disk *disk)
{
	disk->joined = graft_json_has(o, "data");
	if (disk->joined)
		disk->data_len = graft_json_take_number(o, "data",
							GRAFT_PATCH_JOINED_MAX);
	if (graft_json_has(o, "package")) {
		disk->package = graft_json_take_string(o, "package");
		disk->architecture = graft_json_take_string(o, "architecture");
		disk->old_version = graft_json_take_string(o, "old_version");
		disk->new_version = graft_json_take_string(o, "new_version");
		read_files(o, "control", GRAFT_PATCH_DISK_CONTROLS_MAX, true,
			   &disk->controls, &disk->control_count);
		if (disk->joined)
			disk->control_delta_size = graft_json_take_number(
				o, "control_delta", GRAFT_PATCH_JOINED_MAX);
		read_files(o, "old_control", GRAFT_PATCH_DISK_CONTROLS_MAX,
			   false, &disk->old_controls,
			   &disk->old_control_count);
	}
	read_entries(o, disk);
	read_files(o, "old_conffiles", GRAFT_PATCH_DISK_ENTRIES_MAX, false,
		   &disk->old_conffiles, &disk->old_conffile_count);
	graft_json_end(o);
}

struct graft_error *
graft_disk_decode_index(const char *json, size_t len, struct graft_disk **ret)
{
	GRAFT_CLEANUP(graft_disk_freep) struct graft_disk *disk = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text again = { 0 };

	struct graft_error *err = graft_json_scan(json, len,
						  GRAFT_PATCH_DISK_VALUES_MAX);
	if (err)
		return err;
	GRAFT_CLEANUP(cjson_freep)
	cJSON *root = cJSON_ParseWithLengthOpts(json, len, NULL, 0);
	if (!cJSON_IsObject(root))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "no JSON object");
	err = graft_disk_new(&disk);
	if (err)
		return err;
	struct graft_json o = { .next = root->child };
	read_disk(&o, disk);
	if (o.err)
		return o.err;
	err = graft_disk_check(disk);
	if (err)
		return err;
	// What reading let pass (spaces, escapes, 1e3) is found by writing again.
	graft_disk_put_index(disk, &again);
	if (again.failed)
		return graft_error_no_memory();
	if (again.len != len || memcmp(again.str, json, len) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "not in its one canonical form");
	*ret = GRAFT_TAKE(disk);
	return NULL;
}
