// SPDX-License-Identifier: Apache-2.0

#include "persist/make.h"

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "patch/disk.h"
#include "patch/limits.h"
#include "patch/moved.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/** Read a file below a folder, or the file that was named itself. */
static struct graft_error *
read_side(const char *side, const char *path, uint8_t **ret, size_t *len_ret)
{
	GRAFT_FREE char *name = NULL;
	struct stat st;

	if (stat(side, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (asprintf(&name, "%s/%s", side, path) < 0) {
			name = NULL;
			return graft_error_no_memory();
		}
	}
	return graft_file_read(name ? name : side, GRAFT_PATCH_DISK_FILE_MAX,
			       ret, len_ret);
}

/** Make an entry and its delta, unless both sides are the same. */
static struct graft_error *
add(const char *old_path, const char *new_path, const char *path,
    struct graft_disk *disk, struct graft_text *data)
{
	struct graft_disk_entry *entry = &disk->entries[disk->entry_count];
	GRAFT_FREE uint8_t *old = NULL;
	GRAFT_FREE uint8_t *new = NULL;
	GRAFT_FREE uint8_t *delta = NULL;
	size_t old_len;
	size_t new_len;
	size_t len;

	struct graft_error *err = read_side(old_path, path, &old, &old_len);
	// One that has another name in NEW: nobody knows it by this one.
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return NULL;
	}
	if (!err)
		err = read_side(new_path, path, &new, &new_len);
	if (err)
		return err;
	if (old_len == 0 || new_len == 0 ||
	    (old_len == new_len && memcmp(old, new, old_len) == 0))
		return NULL;
	disk->entry_count++;
	entry->type = GRAFT_DISK_FILE;
	entry->source = GRAFT_DISK_DELTA;
	entry->path = strdup(path);
	entry->user = strdup("root");
	entry->group = strdup("root");
	entry->size = new_len;
	entry->old_size = old_len;
	if (!entry->path || !entry->user || !entry->group)
		return graft_error_no_memory();
	err = graft_sha256(new, new_len, entry->sha256);
	if (!err)
		err = graft_sha256(old, old_len, entry->old_sha256);
	if (!err)
		err = graft_moved_make(old, old_len, new, new_len, &delta,
				       &len);
	if (err)
		return err;
	entry->difference_size = len;
	graft_text_put_bytes(data, delta, len);
	return NULL;
}

struct graft_error *
graft_disk_make_files(const char *old_path, const char *new_path,
		      const char *const *paths, size_t count,
		      struct graft_disk **ret)
{
	GRAFT_CLEANUP(graft_disk_freep) struct graft_disk *disk = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text data = { 0 };
	char *bytes;

	struct graft_error *err = graft_disk_new(&disk);
	if (err)
		return err;
	disk->entries = calloc(count + 1, sizeof(*disk->entries));
	if (!disk->entries)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < count; i++)
		err = add(old_path, new_path, paths[i], disk, &data);
	if (err)
		return err;
	disk->joined = true;
	disk->data_len = data.len;
	err = graft_text_take(&data, &bytes);
	if (err)
		return err;
	disk->data = (uint8_t *)bytes;
	err = graft_disk_seal(disk);
	if (!err)
		*ret = GRAFT_TAKE(disk);
	return err;
}
