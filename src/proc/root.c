// SPDX-License-Identifier: Apache-2.0

#include "proc/root.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	/** How often a path is looked up that others rename around. */
	TRIES = 1000,
};

/** Make the error of something of a process that failed. */
GRAFT_MUST_CHECK static struct graft_error *
failed(int number, pid_t tid, const char *path)
{
	enum graft_error_code code = number == EACCES || number == EPERM
					     ? GRAFT_ERROR_NOT_PERMITTED
				     : number == ESRCH ? GRAFT_ERROR_TARGET_GONE
				     : number == ENOENT || number == ENOTDIR
					     ? GRAFT_ERROR_NOT_FOUND
					     : GRAFT_ERROR_OS;

	return graft_error_new(code, "%s of process %d: %s", path, (int)tid,
			       strerror(number));
}

/** A process that is gone has no folder in /proc. */
static int
gone_or(int number)
{
	return number == ENOENT ? ESRCH : number;
}

struct graft_error *
graft_root_read(pid_t tid, struct graft_root *ret)
{
	char path[64];
	struct stat ns;
	struct statx root;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)tid);
	if (stat(path, &ns) < 0)
		return failed(gone_or(errno), tid, "mount namespace");
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)tid);
	if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_MNT_ID, &root) < 0)
		return failed(gone_or(errno), tid, "/");
	*ret = (struct graft_root){
		.ns = ns.st_ino,
		// Kernels before 5.8 do not say it.
		.mount = root.stx_mask & STATX_MNT_ID ? root.stx_mnt_id : 0,
		.dev = makedev(root.stx_dev_major, root.stx_dev_minor),
		.inode = root.stx_ino,
	};
	return NULL;
}

struct graft_error *
graft_root_read_path(pid_t tid, char ret[PATH_MAX])
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)tid);
	ssize_t len = readlink(path, ret, PATH_MAX);
	if (len < 0 || len >= PATH_MAX)
		return failed(len < 0 ? gone_or(errno) : ENAMETOOLONG, tid,
			      "/");
	ret[len] = '\0';
	return NULL;
}

const char *
graft_root_inside(const char *root, const char *path)
{
	size_t len = strlen(root);

	if (len <= 1)
		return path;
	return strncmp(path, root, len) == 0 && path[len] == '/' ? path + len
								 : NULL;
}

bool
graft_root_is_same(const struct graft_root *a, const struct graft_root *b)
{
	return a->ns == b->ns && a->mount == b->mount && a->dev == b->dev &&
	       a->inode == b->inode;
}

struct graft_error *
graft_root_open(pid_t tid, const char *path, int flags, int *fd_ret)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC) |
			 (flags & O_PATH ? 0U : O_NONBLOCK | O_NOCTTY),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	char name[64];

	(void)snprintf(name, sizeof(name), "/proc/%d/root", (int)tid);
	GRAFT_CLOSE int root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return failed(gone_or(errno), tid, "/");
	int fd = -1;
	// Any rename on the host, during a "..", is answered so; openat2(2).
	for (int i = 0; i < TRIES && fd < 0 && (i == 0 || errno == EAGAIN); i++)
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0)
		return failed(errno, tid, path);
	*fd_ret = fd;
	return NULL;
}

struct graft_error *
graft_root_open_file(pid_t tid, const char *path, int *fd_ret)
{
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = graft_root_open(tid, path, O_PATH, &fd);

	if (err)
		return err;
	err = graft_file_open_plain(fd, fd_ret);
	return err ? graft_error_prefix(err, "%s of process %d", path, (int)tid)
		   : NULL;
}
