// SPDX-License-Identifier: Apache-2.0

/** @file A part for the disk, for tests. */

#ifndef GRAFT_TEST_PATCH_SAMPLE_DISK_H
#define GRAFT_TEST_PATCH_SAMPLE_DISK_H

#include "patch/disks.h"
#include "patch/moved.h"
#include "patch/prefix.h"
#include "sample.h"

static const char sample_old_bytes[] =
	"the old file, which is nearly the new one";
static const char sample_new_bytes[] =
	"the new file, which is nearly the old one";

static inline void
sample_entry(struct graft_disk_entry *entry, const char *path,
	     enum graft_disk_type type)
{
	entry->path = sample_str(path);
	entry->type = type;
	entry->mode = 0755;
	entry->user = sample_str("root");
	entry->group = sample_str("root");
	entry->mtime = 1700000000;
}

static inline void
sample_frame(struct graft_text *data, const char *bytes, const char *old)
{
	GRAFT_FREE uint8_t *frame = NULL;
	size_t len;

	sample_ok(graft_prefix_compress((const uint8_t *)bytes, strlen(bytes),
					(const uint8_t *)old, strlen(old),
					&frame, &len));
	graft_text_put_bytes(data, frame, len);
}

/** A package with one path of each kind, not sealed. */
static inline struct graft_disk *
sample_disk(void)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text data = { 0 };
	struct graft_disk *disk = NULL;
	char *bytes;

	sample_ok(graft_disk_new(&disk));
	disk->package = sample_str("libx1");
	disk->architecture = sample_str("amd64");
	disk->old_version = sample_str("1:1.0-1+deb12u1");
	disk->new_version = sample_str("1:1.0-1+deb12u2");
	disk->controls = sample_alloc(1, sizeof(*disk->controls));
	disk->control_count = 1;
	disk->controls[0].name = sample_str("control");
	disk->controls[0].mode = 0644;
	disk->controls[0].size = strlen("Package: libx1\n");
	disk->entries = sample_alloc(6, sizeof(*disk->entries));
	disk->entry_count = 6;
	sample_entry(&disk->entries[0], ".", GRAFT_DISK_DIRECTORY);
	sample_entry(&disk->entries[1], "usr", GRAFT_DISK_DIRECTORY);
	sample_entry(&disk->entries[2], "usr/a", GRAFT_DISK_FILE);
	disk->entries[2].source = GRAFT_DISK_DELTA;
	disk->entries[2].size = strlen(sample_new_bytes);
	disk->entries[2].old_size = strlen(sample_old_bytes);
	disk->entries[2].old_path = sample_str("usr/a.1");
	sample_entry(&disk->entries[3], "usr/b", GRAFT_DISK_LINK);
	disk->entries[3].target = sample_str("usr/a");
	sample_entry(&disk->entries[4], "usr/c", GRAFT_DISK_SYMLINK);
	disk->entries[4].target = sample_str("../etc/c");
	sample_entry(&disk->entries[5], "etc", GRAFT_DISK_FILE);
	disk->entries[5].source = GRAFT_DISK_WHOLE;
	disk->entries[5].size = strlen("whole");
	sample_frame(&data, "Package: libx1\n", "");
	sample_frame(&data, "whole", "");
	sample_frame(&data, sample_new_bytes, sample_old_bytes);
	disk->data_len = data.len;
	sample_ok(graft_text_take(&data, &bytes));
	disk->data = (uint8_t *)bytes;
	return disk;
}

/** Make a part one that is packed together with others, not sealed. */
static inline void
sample_join(struct graft_disk *disk)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text data = { 0 };
	GRAFT_FREE uint8_t *control = NULL;
	GRAFT_FREE uint8_t *delta = NULL;
	size_t len;
	char *bytes;

	sample_ok(graft_moved_make((const uint8_t *)"", 0,
				   (const uint8_t *)"Package: libx1\n",
				   strlen("Package: libx1\n"), &control, &len));
	disk->joined = true;
	disk->control_delta_size = len;
	graft_text_put_bytes(&data, control, len);
	graft_text_put(&data, "whole");
	sample_ok(graft_moved_make((const uint8_t *)sample_old_bytes,
				   strlen(sample_old_bytes),
				   (const uint8_t *)sample_new_bytes,
				   strlen(sample_new_bytes), &delta, &len));
	disk->entries[2].difference_size = len;
	graft_text_put_bytes(&data, delta, len);
	free(disk->data);
	disk->data_len = data.len;
	sample_ok(graft_text_take(&data, &bytes));
	disk->data = (uint8_t *)bytes;
}

/** Give a hotpatch a part, sealed. */
static inline void
sample_add_disk(struct graft_patch *patch, struct graft_disk *disk)
{
	sample_ok(graft_disk_seal(disk));
	sample_ok(graft_disks_take(patch, disk));
}

/** Change a string of it. */
static inline void
sample_change(char **str, const char *to)
{
	free(*str);
	*str = sample_str(to);
}

#endif /* GRAFT_TEST_PATCH_SAMPLE_DISK_H */
