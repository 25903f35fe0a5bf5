// SPDX-License-Identifier: Apache-2.0

#include "patch/disks.h"

#include "base/limits.h"
#include "patch/check.h"
#include "patch/joined.h"
#include "patch/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
graft_disks_compare(const struct graft_disk *a, const struct graft_disk *b)
{
	// Files of no package are an error beside anything else.
	if (!a->package || !b->package)
		return !a->package - !b->package;
	int order = strcmp(a->package, b->package);

	return order ? order : strcmp(a->architecture, b->architecture);
}

struct graft_error *
graft_disks_check(struct graft_disk *const *disks, size_t count)
{
	uint64_t total = 0;

	if (count > GRAFT_PATCH_DISKS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT, "%zu packages",
				       count);
	for (size_t i = 0; i < count; i++) {
		const struct graft_disk *disk = disks[i];
		if (count > 1 && !disk->package)
			return graft_check_bad("files of no package beside a "
					       "package");
		if (i && graft_disks_compare(disks[i - 1], disk) >= 0)
			return graft_check_bad("%s:%s is there twice, or out "
					       "of its order",
					       disk->package,
					       disk->architecture);
		for (size_t k = 0; k < disk->entry_count; k++)
			total += disk->entries[k].size;
	}
	return total > GRAFT_LIMIT_UNPACKED_BYTES
		       ? graft_error_new(GRAFT_ERROR_LIMIT,
					 "the packages together are too large")
		       : NULL;
}

struct graft_error *
graft_disks_take(struct graft_patch *patch, struct graft_disk *disk)
{
	GRAFT_CLEANUP(graft_disk_freep) struct graft_disk *taken = disk;
	size_t at = patch->disk_count;

	struct graft_disk **disks =
		realloc(patch->disks, (patch->disk_count + 1) * sizeof(*disks));
	if (!disks)
		return graft_error_no_memory();
	patch->disks = disks;
	graft_joined_forget(patch);
	while (at > 0 && graft_disks_compare(taken, disks[at - 1]) < 0)
		at--;
	memmove(&disks[at + 1], &disks[at],
		(patch->disk_count - at) * sizeof(*disks));
	disks[at] = GRAFT_TAKE(taken);
	patch->disk_count++;
	return graft_disks_check(disks, patch->disk_count);
}

struct graft_disk *
graft_disks_find(const struct graft_patch *patch, const char *package,
		 const char *architecture)
{
	for (size_t i = 0; i < patch->disk_count; i++) {
		struct graft_disk *disk = patch->disks[i];
		if (disk->package && strcmp(disk->package, package) == 0 &&
		    strcmp(disk->architecture, architecture) == 0)
			return disk;
	}
	return NULL;
}

bool
graft_disks_of_files(const struct graft_patch *patch)
{
	return patch->disk_count && !patch->disks[0]->package;
}

void
graft_disks_member(size_t i, size_t count, char index[GRAFT_DISKS_MEMBER_LEN],
		   char data[GRAFT_DISKS_MEMBER_LEN])
{
	const char *const names[] = { GRAFT_DISK_INDEX_MEMBER,
				      GRAFT_DISK_DATA_MEMBER };
	char *const to[] = { index, data };

	for (size_t k = 0; k < 2; k++) {
		if (count == 1)
			(void)snprintf(to[k], GRAFT_DISKS_MEMBER_LEN, "%s",
				       names[k]);
		else
			(void)snprintf(to[k], GRAFT_DISKS_MEMBER_LEN,
				       "disk/%zu/%s", i,
				       names[k] + strlen("disk/"));
	}
}
