// SPDX-License-Identifier: Apache-2.0

#include "repo/tree.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	/** Folders in each other; each takes a descriptor. A path of a target has fewer. */
	DEPTH_MAX = 600,
};

static void
close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static void
close_walk(FTS **walk)
{
	if (*walk)
		(void)fts_close(*walk);
}

static int
compare_names(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

GRAFT_MUST_CHECK static struct graft_error *
open_walk(const char *folder, FTS **ret)
{
	char *const paths[] = { (char *)folder, NULL };

	// By hand where there is none: fts_open(3) would say so only later.
	if (access(folder, F_OK) < 0 && errno == ENOENT)
		return NULL;
	*ret = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV,
			compare_names);
	return *ret ? NULL : graft_error_os(errno, "read %s", folder);
}

struct graft_error *
graft_tree_each(const char *folder, graft_tree_fn *fn, void *arg)
{
	GRAFT_CLEANUP(close_walk) FTS *walk = NULL;
	struct graft_error *err = open_walk(folder, &walk);

	if (err || !walk)
		return err;
	for (const FTSENT *entry; (entry = fts_read(walk));) {
		if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR ||
		    entry->fts_info == FTS_NS)
			return graft_error_os(entry->fts_errno, "read %s",
					      entry->fts_path);
		if (entry->fts_info != FTS_F)
			continue;
		err = fn(arg, entry->fts_path,
			 entry->fts_path + strlen(folder) + 1);
		if (err)
			return err;
	}
	return NULL;
}

/** Remove what has a name in a folder; a folder that is not empty stays. */
GRAFT_MUST_CHECK static struct graft_error *
remove_name(int folder, const char *name, int flags)
{
	return unlinkat(folder, name, flags) < 0 && errno != ENOENT
		       ? graft_error_os(errno, "remove %s", name)
		       : NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
remove_within(int parent, const char *name, const struct stat *of,
	      unsigned int depth);

/** Remove all that is in an open folder. */
GRAFT_MUST_CHECK static struct graft_error *
remove_all(DIR *dir, const struct stat *of, unsigned int depth)
{
	const struct dirent *entry;
	struct graft_error *err = NULL;

	while (!err && (errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		err = remove_within(dirfd(dir), entry->d_name, of, depth);
	}
	return err || !errno ? err : graft_error_os(errno, "read a folder");
}

/**
 * Remove what has a name in an open folder, and all in it.
 *
 * By descriptors: by a path, who may write there could put a link into the place of a
 * folder while we are in it, and we would remove files elsewhere.
 *
 * @param[in] of Where the walk began: it does not leave that file system.
 */
static struct graft_error *
remove_within(int parent, const char *name, const struct stat *of,
	      unsigned int depth)
{
	GRAFT_CLEANUP(close_dir) DIR *dir = NULL;
	struct stat st;
	int fd = openat(parent, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC |
				O_NONBLOCK);

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return remove_name(parent, name, 0);
	if (fd < 0)
		return errno == ENOENT ? NULL
				       : graft_error_os(errno, "open %s", name);
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return graft_error_no_memory();
	}
	if (depth == DEPTH_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: more than %d folders in each "
				       "other",
				       name, DEPTH_MAX);
	if (fstat(fd, &st) < 0 || (of && st.st_dev != of->st_dev))
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: another file system: unmount it",
				       name);
	struct graft_error *err = remove_all(dir, of ? of : &st, depth + 1);
	return err ? err : remove_name(parent, name, AT_REMOVEDIR);
}

struct graft_error *
graft_tree_remove(const char *folder)
{
	struct graft_error *err = remove_within(AT_FDCWD, folder, NULL, 0);

	return err ? graft_error_prefix(err, "%s", folder) : NULL;
}

struct graft_error *
graft_tree_empty(const char *folder)
{
	GRAFT_CLEANUP(close_dir) DIR *dir = NULL;
	struct stat st;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT
			       ? NULL
			       : graft_error_os(errno, "open %s", folder);
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return graft_error_no_memory();
	}
	if (fstat(fd, &st) < 0)
		return graft_error_os(errno, "stat %s", folder);
	struct graft_error *err = remove_all(dir, &st, 1);
	return err ? graft_error_prefix(err, "%s", folder) : NULL;
}

struct graft_error *
graft_tree_make_parent(const char *path)
{
	GRAFT_FREE char *folder = strdup(path);

	if (!folder)
		return graft_error_no_memory();
	char *slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return NULL;
	*slash = '\0';
	return graft_dir_make(folder, 0755);
}

struct graft_error *
graft_tree_sync(const char *path)
{
	GRAFT_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return graft_error_os(errno, "open %s", path);
	return syncfs(fd) < 0 ? graft_error_os(errno, "sync %s", path) : NULL;
}

struct graft_error *
graft_tree_write(const char *path, const void *bytes, size_t len)
{
	GRAFT_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				  0644);

	if (fd < 0)
		return graft_error_os(errno, "create %s", path);
	if (fchmod(fd, 0644) < 0)
		return graft_error_os(errno, "chmod %s", path);
	struct graft_error *err = graft_file_write_fd(fd, bytes, len);
	return err ? graft_error_prefix(err, "%s", path) : NULL;
}

struct graft_error *
graft_tree_exchange(const char *next, const char *public)
{
	struct graft_error *err = graft_tree_make_parent(public);

	if (err)
		return err;
	const unsigned int flags = access(public, F_OK) == 0 ? RENAME_EXCHANGE
							     : 0;
	if (renameat2(AT_FDCWD, next, AT_FDCWD, public, flags) < 0)
		return graft_error_os(errno,
				      "exchange %s (the file system must know "
				      "how to: ext4, xfs, btrfs and tmpfs do)",
				      public);
	err = graft_file_sync_parent(public);
	return err ? graft_error_prefix(err, "it is live, but %s", public)
		   : NULL;
}
