// SPDX-License-Identifier: Apache-2.0

#include "repo/tree.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void
close_walk(FTS **walk)
{
	if (*walk)
		(void)fts_close(*walk);
}

GRAFT_MUST_CHECK static struct graft_error *
open_walk(const char *folder, FTS **ret)
{
	char *const paths[] = { (char *)folder, NULL };

	// By hand where there is none: fts_open(3) would say so only later.
	if (access(folder, F_OK) < 0 && errno == ENOENT)
		return NULL;
	*ret = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
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

struct graft_error *
graft_tree_remove(const char *folder)
{
	GRAFT_CLEANUP(close_walk) FTS *walk = NULL;
	struct graft_error *err = open_walk(folder, &walk);

	if (err || !walk)
		return err;
	for (const FTSENT *entry; (entry = fts_read(walk));) {
		if (entry->fts_info == FTS_D)
			continue;
		if (remove(entry->fts_path) < 0 && errno != ENOENT)
			return graft_error_os(errno, "remove %s",
					      entry->fts_path);
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
remove_file(void *arg, const char *path, const char *below)
{
	(void)arg;
	(void)below;
	return remove(path) < 0 ? graft_error_os(errno, "remove %s", path)
				: NULL;
}

struct graft_error *
graft_tree_empty(const char *folder)
{
	return graft_tree_each(folder, remove_file, NULL);
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
