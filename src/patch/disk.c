// SPDX-License-Identifier: Apache-2.0

#include "patch/disk.h"

#include "base/sha256.h"
#include "patch/limits.h"
#include "patch/prefix.h"

#include <inttypes.h>
#include <string.h>

struct graft_error *
graft_disk_new(struct graft_disk **ret)
{
	struct graft_disk *disk = calloc(1, sizeof(*disk));

	if (!disk)
		return graft_error_no_memory();
	*ret = disk;
	return NULL;
}

static void
free_files(struct graft_disk_file *files, size_t count)
{
	for (size_t i = 0; files && i < count; i++)
		free(files[i].name);
	free(files);
}

void
graft_disk_free(struct graft_disk *disk)
{
	if (!disk)
		return;
	free(disk->package);
	free(disk->architecture);
	free(disk->old_version);
	free(disk->new_version);
	free_files(disk->controls, disk->control_count);
	free_files(disk->old_controls, disk->old_control_count);
	free_files(disk->old_conffiles, disk->old_conffile_count);
	for (size_t i = 0; disk->entries && i < disk->entry_count; i++) {
		struct graft_disk_entry *entry = &disk->entries[i];
		free(entry->path);
		free(entry->user);
		free(entry->group);
		free(entry->target);
		free(entry->old_path);
	}
	free(disk->entries);
	free(disk->index);
	free(disk->data);
	free(disk);
}

const char *
graft_disk_type_name(enum graft_disk_type type)
{
	switch (type) {
	case GRAFT_DISK_FILE:
		return "file";
	case GRAFT_DISK_DIRECTORY:
		return "directory";
	case GRAFT_DISK_SYMLINK:
		return "symlink";
	case GRAFT_DISK_LINK:
		return "link";
	}
	return "unknown";
}

const char *
graft_disk_source_name(enum graft_disk_source source)
{
	switch (source) {
	case GRAFT_DISK_SAME:
		return "same";
	case GRAFT_DISK_DELTA:
		return "delta";
	case GRAFT_DISK_WHOLE:
		return "whole";
	}
	return "unknown";
}

const char *
graft_disk_old_path(const struct graft_disk_entry *entry)
{
	return entry->old_path ? entry->old_path : entry->path;
}

static bool
is_from(const struct graft_disk_entry *entry, enum graft_disk_source source)
{
	return entry->type == GRAFT_DISK_FILE && entry->source == source;
}

uint64_t
graft_disk_delta_size(const struct graft_disk_entry *entry)
{
	if (entry->difference_size)
		return entry->difference_size;
	return entry->raw_size ? entry->raw_size : entry->size;
}

uint64_t
graft_disk_whole_size(const struct graft_disk *disk)
{
	uint64_t size = 0;

	for (size_t i = 0; i < disk->entry_count; i++) {
		if (is_from(&disk->entries[i], GRAFT_DISK_WHOLE))
			size += disk->entries[i].size;
	}
	for (size_t i = 0; i < disk->old_conffile_count; i++)
		size += disk->old_conffiles[i].size;
	return size;
}

uint64_t
graft_disk_control_size(const struct graft_disk_file *files, size_t count)
{
	uint64_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += files[i].size;
	return size;
}

void
graft_disk_frames_deinit(struct graft_disk_frames *frames)
{
	free(frames->deltas);
	*frames = (struct graft_disk_frames){ 0 };
}

// Take the next frame, which must hold so many bytes.
static struct graft_error *
next_frame(const struct graft_disk *disk, size_t *off, uint64_t content,
	   struct graft_disk_frame *ret)
{
	if (content == 0)
		return NULL;
	ret->bytes = disk->data + *off;
	if (disk->joined) {
		ret->len = content;
		*off += content;
		return content > disk->data_len - (*off - content)
			       ? graft_error_new(GRAFT_ERROR_BAD_INPUT,
						 "something is cut off")
			       : NULL;
	}
	struct graft_error *err = graft_prefix_find_end(
		ret->bytes, disk->data_len - *off, content, &ret->len);
	*off += ret->len;
	return err;
}

struct graft_error *
graft_disk_find_frames(const struct graft_disk *disk,
		       struct graft_disk_frames *ret)
{
	GRAFT_CLEANUP(graft_disk_frames_deinit)
	struct graft_disk_frames frames = { 0 };
	size_t off = 0;

	frames.deltas = calloc(disk->entry_count + 1, sizeof(*frames.deltas));
	if (!frames.deltas)
		return graft_error_no_memory();
	struct graft_error *err = next_frame(
		disk, &off,
		disk->joined ? disk->control_delta_size
			     : graft_disk_control_size(disk->controls,
						       disk->control_count),
		&frames.control);
	if (!err)
		err = next_frame(disk, &off, graft_disk_whole_size(disk),
				 &frames.whole);
	for (size_t i = 0; !err && i < disk->entry_count; i++) {
		const struct graft_disk_entry *entry = &disk->entries[i];
		if (is_from(entry, GRAFT_DISK_DELTA))
			err = next_frame(disk, &off,
					 graft_disk_delta_size(entry),
					 &frames.deltas[i]);
	}
	if (!err && off != disk->data_len)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "something behind the last frame");
	if (err)
		return graft_error_prefix(err, "%s", GRAFT_DISK_DATA_MEMBER);
	*ret = frames;
	frames.deltas = NULL;
	return NULL;
}

// Packed with others it stays as it is.
static struct graft_error *
take_index(struct graft_disk *disk, struct graft_text *index)
{
	char *bytes;

	disk->index_len = index->len;
	disk->index_size = index->len;
	struct graft_error *err = graft_text_take(index, &bytes);
	if (err)
		return err;
	free(disk->index);
	disk->index = (uint8_t *)bytes;
	return NULL;
}

struct graft_error *
graft_disk_seal(struct graft_disk *disk)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text index = { 0 };
	GRAFT_FREE uint8_t *frame = NULL;
	size_t len;

	struct graft_error *err = graft_disk_check(disk);
	if (err)
		return err;
	graft_disk_put_index(disk, &index);
	if (index.failed)
		return graft_error_no_memory();
	if (index.len > GRAFT_LIMIT_MANIFEST_BYTES)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "an index of %zu bytes", index.len);
	err = graft_sha256(index.str, index.len, disk->index_sha256);
	if (!err && disk->joined)
		return take_index(disk, &index);
	if (!err)
		err = graft_prefix_compress((const uint8_t *)index.str,
					    index.len, NULL, 0, &frame, &len);
	if (err)
		return err;
	if (index.len / GRAFT_PATCH_RATIO_MAX > len)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "an index of %zu bytes in %zu",
				       index.len, len);
	free(disk->index);
	disk->index = GRAFT_TAKE(frame);
	disk->index_len = len;
	disk->index_size = index.len;
	return NULL;
}

static uint8_t *
copy_bytes(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len + 1);

	if (copy && len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

struct graft_error *
graft_disk_decode(const uint8_t *index, size_t index_len, uint64_t size,
		  const uint8_t sha256[GRAFT_PATCH_SHA256_SIZE],
		  const uint8_t *data, size_t data_len, struct graft_disk **ret)
{
	GRAFT_CLEANUP(graft_disk_freep) struct graft_disk *disk = NULL;
	GRAFT_CLEANUP(graft_disk_frames_deinit)
	struct graft_disk_frames frames = { 0 };
	GRAFT_FREE uint8_t *json = NULL;
	uint8_t found[GRAFT_SHA256_LEN];
	size_t end = 0;

	if (size > GRAFT_LIMIT_MANIFEST_BYTES ||
	    size / GRAFT_PATCH_RATIO_MAX > index_len)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       GRAFT_DISK_INDEX_MEMBER
				       ": %zu bytes that decompress to %llu",
				       index_len, (unsigned long long)size);
	struct graft_error *err = graft_prefix_find_end(index, index_len, size,
							&end);
	if (!err && end != index_len)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "something behind the frame");
	if (!err)
		err = graft_prefix_decompress(index, index_len, NULL, 0, size,
					      &json);
	if (!err)
		err = graft_sha256(json, size, found);
	if (!err && memcmp(found, sha256, sizeof(found)) != 0)
		err = graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"its SHA-256 is not the one in the manifest");
	if (!err)
		err = graft_disk_decode_index((const char *)json, size, &disk);
	if (!err && disk->joined)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "of a part that is packed with others");
	if (err)
		return graft_error_prefix(err, "%s", GRAFT_DISK_INDEX_MEMBER);
	disk->index = copy_bytes(index, index_len);
	disk->data = copy_bytes(data, data_len);
	if (!disk->index || !disk->data)
		return graft_error_no_memory();
	disk->index_len = index_len;
	disk->index_size = size;
	memcpy(disk->index_sha256, sha256, sizeof(disk->index_sha256));
	disk->data_len = data_len;
	err = graft_disk_find_frames(disk, &frames);
	if (err)
		return err;
	*ret = GRAFT_TAKE(disk);
	return NULL;
}

void
graft_disk_print_text(const struct graft_disk *disk, struct graft_text *text)
{
	size_t counts[GRAFT_DISK_WHOLE + 1] = { 0 };
	uint64_t bytes = 0;

	for (size_t i = 0; i < disk->entry_count; i++) {
		const struct graft_disk_entry *entry = &disk->entries[i];
		if (entry->type != GRAFT_DISK_FILE)
			continue;
		counts[entry->source]++;
		bytes += entry->size;
	}
	graft_text_printf(text, "%-14s ", "disk");
	if (disk->package) {
		graft_text_put_safe(text, disk->package);
		graft_text_put(text, ":");
		graft_text_put_safe(text, disk->architecture);
		graft_text_put(text, " ");
		graft_text_put_safe(text, disk->old_version);
		graft_text_put(text, " -> ");
		graft_text_put_safe(text, disk->new_version);
	} else {
		graft_text_put(text, "files of no package");
	}
	graft_text_printf(text,
			  ": %zu paths, of %zu files (%" PRIu64
			  " bytes) %zu as installed, %zu by a delta, %zu "
			  "whole; %zu bytes %s\n",
			  disk->entry_count,
			  counts[GRAFT_DISK_SAME] + counts[GRAFT_DISK_DELTA] +
				  counts[GRAFT_DISK_WHOLE],
			  bytes, counts[GRAFT_DISK_SAME],
			  counts[GRAFT_DISK_DELTA], counts[GRAFT_DISK_WHOLE],
			  disk->index_len + disk->data_len,
			  disk->joined ? "before packing" : "in the file");
	for (size_t i = 0; i < disk->entry_count; i++) {
		const struct graft_disk_entry *entry = &disk->entries[i];
		if (entry->type != GRAFT_DISK_FILE ||
		    entry->source == GRAFT_DISK_SAME)
			continue;
		graft_text_printf(text, "    %-6s %10" PRIu64 "  ",
				  graft_disk_source_name(entry->source),
				  entry->size);
		graft_text_put_safe(text, entry->path);
		graft_text_put(text, "\n");
	}
}
