// SPDX-License-Identifier: Apache-2.0

#include "patch/disk.h"

#include "base/hex.h"
#include "patch/manifest.h"

#include <inttypes.h>
#include <string.h>

static void
put_text(struct graft_text *out, const char *key, const char *str)
{
	graft_text_printf(out, "\"%s\":", key);
	graft_manifest_put_string(out, str);
	graft_text_put(out, ",");
}

static void
put_number(struct graft_text *out, const char *key, uint64_t value)
{
	graft_text_printf(out, "\"%s\":%" PRIu64 ",", key, value);
}

static void
put_sha256(struct graft_text *out, const char *key,
	   const uint8_t sha256[GRAFT_PATCH_SHA256_SIZE])
{
	char digits[2 * GRAFT_PATCH_SHA256_SIZE + 1];

	graft_hex_encode(sha256, GRAFT_PATCH_SHA256_SIZE, digits);
	graft_text_printf(out, "\"%s\":\"%s\",", key, digits);
}

// Take the last comma away again.
static void
put_end(struct graft_text *out, const char *end)
{
	if (!out->failed && out->len > 0 && out->str[out->len - 1] == ',')
		out->str[--out->len] = '\0';
	graft_text_put(out, end);
}

static void
put_files(struct graft_text *out, const char *key,
	  const struct graft_disk_file *files, size_t count, bool modes)
{
	graft_text_printf(out, "\"%s\":[", key);
	for (size_t i = 0; i < count; i++) {
		graft_text_put(out, "\n{");
		put_text(out, "name", files[i].name);
		if (modes)
			put_number(out, "mode", files[i].mode);
		put_number(out, "size", files[i].size);
		put_sha256(out, "sha256", files[i].sha256);
		put_end(out, "},");
	}
	put_end(out, "],\n");
}

static void
put_owner(struct graft_text *out, const struct graft_disk_entry *entry)
{
	if (entry->uid == 0 && entry->gid == 0 &&
	    strcmp(entry->user, "root") == 0 &&
	    strcmp(entry->group, "root") == 0)
		return;
	graft_text_put(out, "\"owner\":{");
	put_number(out, "uid", entry->uid);
	put_number(out, "gid", entry->gid);
	put_text(out, "user", entry->user);
	put_text(out, "group", entry->group);
	put_end(out, "},");
}

static void
put_entry(struct graft_text *out, const struct graft_disk_entry *entry)
{
	graft_text_put(out, "\n{");
	put_text(out, "path", entry->path);
	put_text(out, "type", graft_disk_type_name(entry->type));
	put_number(out, "mode", entry->mode);
	put_owner(out, entry);
	put_number(out, "mtime", entry->mtime);
	if (entry->target)
		put_text(out, "target", entry->target);
	if (entry->type == GRAFT_DISK_FILE) {
		put_number(out, "size", entry->size);
		put_sha256(out, "sha256", entry->sha256);
		put_text(out, "source", graft_disk_source_name(entry->source));
		if (entry->old_path)
			put_text(out, "old_path", entry->old_path);
		if (entry->source == GRAFT_DISK_DELTA) {
			put_number(out, "old_size", entry->old_size);
			put_sha256(out, "old_sha256", entry->old_sha256);
			if (entry->raw_size)
				put_number(out, "raw_size", entry->raw_size);
			if (entry->difference_size)
				put_number(out, "difference_size",
					   entry->difference_size);
		}
	}
	put_end(out, "},");
}

void
graft_disk_put_index(const struct graft_disk *disk, struct graft_text *out)
{
	graft_text_put(out, "{");
	if (disk->joined)
		put_number(out, "data", disk->data_len);
	if (disk->package) {
		put_text(out, "package", disk->package);
		put_text(out, "architecture", disk->architecture);
		put_text(out, "old_version", disk->old_version);
		put_text(out, "new_version", disk->new_version);
		put_files(out, "control", disk->controls, disk->control_count,
			  true);
		if (disk->joined)
			put_number(out, "control_delta",
				   disk->control_delta_size);
		put_files(out, "old_control", disk->old_controls,
			  disk->old_control_count, false);
	}
	graft_text_put(out, "\"paths\":[");
	for (size_t i = 0; i < disk->entry_count; i++)
		put_entry(out, &disk->entries[i]);
	put_end(out, "],\n");
	put_files(out, "old_conffiles", disk->old_conffiles,
		  disk->old_conffile_count, false);
	// Behind the last array stands ",\n" too.
	if (!out->failed && out->len > 2)
		out->str[out->len -= 2] = '\0';
	graft_text_put(out, "}\n");
}
