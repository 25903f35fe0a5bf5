// SPDX-License-Identifier: Apache-2.0

#include "patch/disk.h"

#include "patch/check.h"
#include "patch/limits.h"

#include <string.h>

enum {
	/** As long as a user's name may be. */
	NAME_MAX_LEN = 256,
	PERMISSIONS = 07777,
};

/** Entries by path. */
struct sorted {
	const struct graft_disk_entry **items;
	size_t count;
};

static void
sorted_deinit(struct sorted *sorted)
{
	free(sorted->items);
}

static int
compare_paths(const void *a, const void *b)
{
	const struct graft_disk_entry *const *x = a;
	const struct graft_disk_entry *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

/** Find an entry by the first bytes of a path; NULL: there is none. */
static const struct graft_disk_entry *
find(const struct sorted *sorted, const char *path, size_t len)
{
	size_t low = 0;
	size_t high = sorted->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *other = sorted->items[middle]->path;
		int order = strncmp(other, path, len);
		if (order == 0 && other[len])
			order = 1;
		if (order == 0)
			return sorted->items[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

// A path of a package: relative, and every component a name.
static struct graft_error *
check_path(const char *path, const char *what)
{
	struct graft_error *err = graft_check_string(path, false, false, what);

	if (err)
		return err;
	if (strlen(path) >= GRAFT_LIMIT_PATH)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: a path of %zu bytes", what,
				       strlen(path));
	for (const char *at = path;; at++) {
		size_t len = strcspn(at, "/");
		if (len == 0 || (len == 1 && at[0] == '.') ||
		    (len == 2 && at[0] == '.' && at[1] == '.'))
			return graft_check_bad("%s: no path that may be "
					       "written: %.200s",
					       what, path);
		at += len;
		if (!*at)
			return NULL;
	}
}

// Of what it says it lies in, what the package brings must be a directory.
static struct graft_error *
check_above(const struct sorted *sorted, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		const struct graft_disk_entry *above =
			find(sorted, path, (size_t)(slash - path));
		if (above && above->type != GRAFT_DISK_DIRECTORY)
			return graft_check_bad("%.200s: lies below what is no "
					       "directory",
					       path);
	}
	return NULL;
}

static struct graft_error *
check_link(const struct graft_disk_entry *entries, size_t i,
	   const struct sorted *sorted)
{
	const struct graft_disk_entry *entry = &entries[i];
	struct graft_error *err = graft_check_string(entry->target, false,
						     false, "target");

	if (err || entry->type != GRAFT_DISK_LINK)
		return err;
	const struct graft_disk_entry *to = find(sorted, entry->target,
						 strlen(entry->target));
	if (!to || to->type != GRAFT_DISK_FILE || to > entry)
		return graft_check_bad("%.200s: links to no file before it",
				       entry->path);
	return NULL;
}

static struct graft_error *
check_file(const struct graft_disk_entry *entry, bool joined)
{
	struct graft_error *err = NULL;
	const bool delta = entry->source == GRAFT_DISK_DELTA;

	if (entry->old_path) {
		err = check_path(entry->old_path, "old_path");
		if (!err && (entry->source == GRAFT_DISK_WHOLE ||
			     strcmp(entry->old_path, entry->path) == 0))
			err = graft_check_bad("%.200s: an old path for nothing",
					      entry->path);
	}
	if (err)
		return err;
	if (entry->size > GRAFT_PATCH_DISK_FILE_MAX ||
	    entry->old_size > GRAFT_PATCH_DISK_FILE_MAX ||
	    entry->raw_size > GRAFT_PATCH_DISK_RAW_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT, "%.200s: too large",
				       entry->path);
	if (delta ? !entry->size || !entry->old_size ||
			    (joined ? !entry->difference_size
				    : entry->raw_size && entry->difference_size)
		  : entry->old_size || entry->raw_size ||
			    entry->difference_size)
		return graft_check_bad("%.200s: a delta of nothing, or none",
				       entry->path);
	return NULL;
}

static struct graft_error *
check_owner(const struct graft_disk_entry *entry)
{
	struct graft_error *err = graft_check_string(entry->user, false, true,
						     "user");

	if (!err)
		err = graft_check_string(entry->group, false, true, "group");
	if (err)
		return err;
	if (strlen(entry->user) > NAME_MAX_LEN ||
	    strlen(entry->group) > NAME_MAX_LEN)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%.200s: a name of an owner",
				       entry->path);
	return entry->mode & ~(uint32_t)PERMISSIONS
		       ? graft_check_bad("%.200s: permissions", entry->path)
		       : NULL;
}

static struct graft_error *
check_entry(const struct graft_disk *disk, size_t i,
	    const struct sorted *sorted)
{
	const struct graft_disk_entry *entry = &disk->entries[i];
	const bool link = entry->type == GRAFT_DISK_SYMLINK ||
			  entry->type == GRAFT_DISK_LINK;
	struct graft_error *err = NULL;

	if (strcmp(entry->path, ".") != 0 ||
	    entry->type != GRAFT_DISK_DIRECTORY)
		err = check_path(entry->path, "path");
	if (!err)
		err = check_above(sorted, entry->path);
	if (!err)
		err = check_owner(entry);
	if (!err && link)
		err = check_link(disk->entries, i, sorted);
	if (!err && !link && entry->target)
		err = graft_check_bad("%.200s: leads nowhere", entry->path);
	if (!err && entry->type == GRAFT_DISK_FILE)
		err = check_file(entry, disk->joined);
	// Files that are no package's are replaced, each for itself.
	if (!err && !disk->package &&
	    (entry->type != GRAFT_DISK_FILE ||
	     entry->source == GRAFT_DISK_SAME || entry->old_path))
		err = graft_check_bad("%.200s: of no package", entry->path);
	return err;
}

static struct graft_error *
check_entries(const struct graft_disk *disk)
{
	GRAFT_CLEANUP(sorted_deinit) struct sorted sorted = { 0 };
	struct graft_error *err = graft_check_count(
		disk->entry_count, GRAFT_PATCH_DISK_ENTRIES_MAX, disk->entries,
		"paths");

	if (err)
		return err;
	sorted.items = calloc(disk->entry_count + 1, sizeof(*sorted.items));
	if (!sorted.items)
		return graft_error_no_memory();
	for (size_t i = 0; i < disk->entry_count; i++) {
		if (!disk->entries[i].path)
			return graft_check_bad("a path is missing");
		sorted.items[i] = &disk->entries[i];
	}
	sorted.count = disk->entry_count;
	qsort(sorted.items, sorted.count, sizeof(*sorted.items), compare_paths);
	for (size_t i = 1; i < sorted.count; i++) {
		if (strcmp(sorted.items[i - 1]->path, sorted.items[i]->path) ==
		    0)
			return graft_check_bad("%.200s: is there twice",
					       sorted.items[i]->path);
	}
	for (size_t i = 0; !err && i < disk->entry_count; i++)
		err = check_entry(disk, i, &sorted);
	return err;
}

// Names that are a file of a folder: nothing that leads elsewhere.
static struct graft_error *
check_controls(const struct graft_disk_file *files, size_t count,
	       const char *what)
{
	struct graft_error *err = graft_check_count(
		count, GRAFT_PATCH_DISK_CONTROLS_MAX, files, what);

	for (size_t i = 0; !err && i < count; i++) {
		err = check_path(files[i].name, what);
		if (!err && strchr(files[i].name, '/'))
			err = graft_check_bad("%s: %.200s", what,
					      files[i].name);
		if (!err && (files[i].size > GRAFT_PATCH_DISK_RAW_MAX ||
			     files[i].mode & ~(uint32_t)PERMISSIONS))
			err = graft_check_bad("%s: %.200s: too large, or its "
					      "permissions",
					      what, files[i].name);
		for (size_t k = 0; !err && k < i; k++) {
			if (strcmp(files[k].name, files[i].name) == 0)
				err = graft_check_bad("%s: %.200s is there "
						      "twice",
						      what, files[i].name);
		}
	}
	return err;
}

static struct graft_error *
check_conffiles(const struct graft_disk *disk)
{
	struct graft_error *err = graft_check_count(
		disk->old_conffile_count, GRAFT_PATCH_DISK_ENTRIES_MAX,
		disk->old_conffiles, "old configuration files");

	for (size_t i = 0; !err && i < disk->old_conffile_count; i++) {
		const struct graft_disk_file *file = &disk->old_conffiles[i];
		err = check_path(file->name, "old configuration file");
		if (!err && file->size > GRAFT_PATCH_DISK_RAW_MAX)
			err = graft_error_new(GRAFT_ERROR_LIMIT,
					      "%.200s: too large", file->name);
	}
	return err;
}

// What dpkg takes as a name: it goes into a command line and into file names.
static struct graft_error *
check_word(const char *word, const char *more, const char *what)
{
	struct graft_error *err = graft_check_string(word, false, false, what);

	if (err)
		return err;
	if (strlen(word) > NAME_MAX_LEN)
		return graft_error_new(GRAFT_ERROR_LIMIT, "%s: too long", what);
	for (const char *at = word; *at; at++) {
		bool letter = (*at >= 'a' && *at <= 'z') ||
			      (*at >= '0' && *at <= '9');
		if (!letter && (at == word || !strchr(more, *at)))
			return graft_check_bad("%s: %.200s", what, word);
	}
	return NULL;
}

static struct graft_error *
check_package(const struct graft_disk *disk)
{
	static const char version[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ.+-~:";
	struct graft_error *err;

	if (!disk->package)
		return disk->architecture || disk->old_version ||
				       disk->new_version ||
				       disk->control_count ||
				       disk->old_control_count ||
				       disk->old_conffile_count
			       ? graft_check_bad("a package without a name")
			       : NULL;
	err = check_word(disk->package, "+-.", "package");
	if (!err)
		err = check_word(disk->architecture, "-", "architecture");
	if (!err)
		err = check_word(disk->old_version, version, "old_version");
	if (!err)
		err = check_word(disk->new_version, version, "new_version");
	if (!err)
		err = check_controls(disk->controls, disk->control_count,
				     "control.tar");
	if (!err)
		err = check_controls(disk->old_controls,
				     disk->old_control_count,
				     "control.tar of OLD");
	if (!err && !disk->control_count)
		err = graft_check_bad("a package without control.tar");
	return err ? err : check_conffiles(disk);
}

struct graft_error *
graft_disk_check(const struct graft_disk *disk)
{
	struct graft_error *err = check_package(disk);

	if (!err)
		err = check_entries(disk);
	if (err)
		return err;
	uint64_t total = graft_disk_whole_size(disk);
	if (total > GRAFT_PATCH_DISK_FILE_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "what travels whole is too large");
	for (size_t i = 0; i < disk->entry_count; i++)
		total += disk->entries[i].size;
	return total > GRAFT_LIMIT_UNPACKED_BYTES
		       ? graft_error_new(GRAFT_ERROR_LIMIT,
					 "the files together are too large")
		       : NULL;
}
