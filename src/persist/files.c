// SPDX-License-Identifier: Apache-2.0

#include "persist/files.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/sha256.h"
#include "host/package.h"
#include "patch/disk.h"
#include "patch/limits.h"
#include "persist/rebuild.h"
#include "persist/store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

enum {
	/** As the kernel has it: XATTR_LIST_MAX, XATTR_SIZE_MAX. */
	ATTRIBUTES_MAX = 64 << 10,
};

/** A file below the folder. */
struct place {
	/** The folder that it lies in. */
	int dir;
	/** Its name there; borrowed. */
	const char *name;
	struct stat st;
	int fd;
	uint8_t *bytes;
	size_t len;
};

static void
place_deinit(struct place *place)
{
	if (place->dir >= 0)
		(void)close(place->dir);
	if (place->fd >= 0)
		(void)close(place->fd);
	free(place->bytes);
}

static int
open_below(int dir, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/** Open and read a file. */
static struct graft_error *
open_place(const char *folder, const char *path, struct place *place)
{
	GRAFT_CLOSE int top = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	GRAFT_FREE char *above = strdup(path);

	if (!above)
		return graft_error_no_memory();
	char *slash = strrchr(above, '/');
	if (slash)
		*slash = '\0';
	place->name = slash ? path + (slash - above) + 1 : path;
	place->dir = top < 0 ? -1
			     : open_below(top, slash ? above : ".",
					  O_RDONLY | O_DIRECTORY);
	place->fd = place->dir < 0 ? -1
				   : open_below(place->dir, place->name,
						O_RDONLY | O_NONBLOCK);
	if (place->fd < 0 && errno == ENOENT)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s/%s: no such file", folder, path);
	if (place->fd < 0 && errno == ELOOP)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s/%s: a link leads there", folder,
				       path);
	if (place->fd < 0 || fstat(place->fd, &place->st) < 0)
		return graft_error_os(errno, "open %s/%s", folder, path);
	if (!S_ISREG(place->st.st_mode))
		return graft_error_new(GRAFT_ERROR_REFUSED, "%s/%s: no file",
				       folder, path);
	return graft_file_read_fd(place->fd, GRAFT_PATCH_DISK_FILE_MAX,
				  &place->bytes, &place->len);
}

static struct graft_error *
is(const struct place *place, const uint8_t wanted[GRAFT_SHA256_LEN], bool *ret)
{
	uint8_t sha256[GRAFT_SHA256_LEN];
	struct graft_error *err = graft_sha256(place->bytes, place->len,
					       sha256);

	*ret = !err && memcmp(sha256, wanted, sizeof(sha256)) == 0;
	return err;
}

/** Copy what is beside the bytes of a file: who may do what with it. */
static struct graft_error *
copy_attributes(const struct place *from, int to)
{
	const struct timespec times[2] = { from->st.st_atim, from->st.st_mtim };
	GRAFT_FREE char *names = malloc(ATTRIBUTES_MAX);
	GRAFT_FREE char *value = malloc(ATTRIBUTES_MAX);

	if (!names || !value)
		return graft_error_no_memory();
	// The owner first: to change it takes set-user-ID and capabilities away.
	if (fchown(to, from->st.st_uid, from->st.st_gid) < 0 ||
	    fchmod(to, from->st.st_mode & 07777) < 0)
		return graft_error_os(errno, "copy owner and mode");
	ssize_t len = flistxattr(from->fd, names, ATTRIBUTES_MAX);
	if (len < 0 && errno != ENOTSUP)
		return graft_error_os(errno, "list attributes");
	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t value_len = fgetxattr(from->fd, names + at, value,
					      ATTRIBUTES_MAX);
		if (value_len < 0 ||
		    fsetxattr(to, names + at, value, (size_t)value_len, 0) < 0)
			return graft_error_os(errno, "copy the attribute %s",
					      names + at);
	}
	if (futimens(to, times) < 0)
		return graft_error_os(errno, "copy times");
	return NULL;
}

/** Put other bytes in the place of a file, all at once. */
static struct graft_error *
replace(const struct place *place, const uint8_t *bytes, size_t len)
{
	GRAFT_FREE char *beside = NULL;

	// The name of a run that was killed: what is there is of no use.
	if (asprintf(&beside, ".%.200s.graft-new", place->name) < 0) {
		beside = NULL;
		return graft_error_no_memory();
	}
	(void)unlinkat(place->dir, beside, 0);
	GRAFT_CLOSE int fd = openat(
		place->dir, beside,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return graft_error_os(errno, "create %s", beside);
	struct graft_error *err = graft_file_write_fd(fd, bytes, len);
	if (!err)
		err = copy_attributes(place, fd);
	if (!err && fsync(fd) < 0)
		err = graft_error_os(errno, "fsync");
	if (!err)
		err = graft_fault("disk-replace");
	if (!err && renameat(place->dir, beside, place->dir, place->name) < 0)
		err = graft_error_os(errno, "rename");
	if (err) {
		(void)unlinkat(place->dir, beside, 0);
		return err;
	}
	if (fsync(place->dir) < 0)
		return graft_error_os(errno, "fsync the directory");
	return graft_fault("disk-replaced");
}

/** Refuse what a package owns: dpkg would not know of it. */
static struct graft_error *
check_owner(const struct graft_disk *disk, const char *folder)
{
	GRAFT_CLEANUP(graft_packages_freep)
	struct graft_packages *packages = NULL;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < disk->entry_count; i++) {
		GRAFT_FREE char *path = NULL;
		if (asprintf(&path, "%s/%s", folder, disk->entries[i].path) <
		    0) {
			path = NULL;
			return graft_error_no_memory();
		}
		GRAFT_FREE char *real = realpath(path, NULL);
		if (!real)
			continue;
		const char *const paths[] = { real };
		graft_packages_free(GRAFT_TAKE(packages));
		err = graft_packages_find(paths, 1, &packages);
		if (!err && packages->of[0] != SIZE_MAX)
			err = graft_error_new(
				GRAFT_ERROR_REFUSED,
				"%s: belongs to the package %s; a hotpatch of "
				"its packages brings it through dpkg",
				path, packages->packages[packages->of[0]].name);
	}
	return err;
}

struct graft_error *
graft_files_check(const struct graft_disk *disk, const char *folder)
{
	GRAFT_CLEANUP(graft_disk_frames_deinit)
	struct graft_disk_frames frames = { 0 };
	struct graft_error *err = check_owner(disk, folder);

	if (!err)
		err = graft_disk_find_frames(disk, &frames);
	for (size_t i = 0; !err && i < disk->entry_count; i++) {
		const struct graft_disk_entry *entry = &disk->entries[i];
		GRAFT_CLEANUP(place_deinit)
		struct place place = { .dir = -1, .fd = -1 };
		GRAFT_FREE uint8_t *bytes = NULL;
		err = open_place(folder, entry->path, &place);
		if (!err)
			err = graft_rebuild_delta(disk, &frames, i, place.bytes,
						  place.len, &bytes);
	}
	return err;
}

static struct graft_error *
old_name(const struct graft_store *store, const char *id, size_t i, char **ret)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "old.%zu", i);
	return graft_store_path(store, id, name, ret);
}

struct graft_error *
graft_files_keep(const struct graft_disk *disk, const char *folder,
		 const struct graft_store *store, const char *id)
{
	for (size_t i = 0; i < disk->entry_count; i++) {
		GRAFT_CLEANUP(place_deinit)
		struct place place = { .dir = -1, .fd = -1 };
		GRAFT_FREE char *path = NULL;
		struct graft_error *err =
			open_place(folder, disk->entries[i].path, &place);
		if (!err)
			err = old_name(store, id, i, &path);
		if (!err)
			err = graft_file_write(path, place.bytes, place.len,
					       0600);
		if (err)
			return err;
	}
	return NULL;
}

struct graft_error *
graft_files_replace(const struct graft_disk *disk, const char *folder)
{
	GRAFT_CLEANUP(graft_disk_frames_deinit)
	struct graft_disk_frames frames = { 0 };
	struct graft_error *found = graft_disk_find_frames(disk, &frames);

	if (found)
		return found;
	for (size_t i = 0; i < disk->entry_count; i++) {
		const struct graft_disk_entry *entry = &disk->entries[i];
		GRAFT_CLEANUP(place_deinit)
		struct place place = { .dir = -1, .fd = -1 };
		GRAFT_FREE uint8_t *bytes = NULL;
		bool done = false;
		struct graft_error *err = open_place(folder, entry->path,
						     &place);
		if (!err)
			err = is(&place, entry->sha256, &done);
		if (!err && !done)
			err = graft_rebuild_delta(disk, &frames, i, place.bytes,
						  place.len, &bytes);
		if (!err && !done)
			err = replace(&place, bytes, entry->size);
		if (err)
			return graft_error_prefix(err, "%s", entry->path);
	}
	return NULL;
}

struct graft_error *
graft_files_restore(const struct graft_disk *disk, const char *folder,
		    const struct graft_store *store, const char *id)
{
	for (size_t i = 0; i < disk->entry_count; i++) {
		const struct graft_disk_entry *entry = &disk->entries[i];
		GRAFT_CLEANUP(place_deinit)
		struct place place = { .dir = -1, .fd = -1 };
		GRAFT_FREE char *path = NULL;
		GRAFT_FREE uint8_t *bytes = NULL;
		bool new = false;
		size_t len;
		struct graft_error *err = open_place(folder, entry->path,
						     &place);
		if (!err)
			err = is(&place, entry->sha256, &new);
		if (!err && new)
			err = old_name(store, id, i, &path);
		if (!err && new)
			err = graft_file_read(path, GRAFT_PATCH_DISK_FILE_MAX,
					      &bytes, &len);
		if (!err && new)
			err = replace(&place, bytes, len);
		if (err)
			return graft_error_prefix(err, "%s", entry->path);
	}
	return NULL;
}

struct graft_error *
graft_files_are(const struct graft_disk *disk, const char *folder, bool new,
		bool *ret)
{
	*ret = true;
	for (size_t i = 0; *ret && i < disk->entry_count; i++) {
		const struct graft_disk_entry *entry = &disk->entries[i];
		GRAFT_CLEANUP(place_deinit)
		struct place place = { .dir = -1, .fd = -1 };
		struct graft_error *err = open_place(folder, entry->path,
						     &place);
		if (!err)
			err = is(&place,
				 new ? entry->sha256 : entry->old_sha256, ret);
		if (err)
			return err;
	}
	return NULL;
}
