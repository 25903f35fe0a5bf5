// SPDX-License-Identifier: Apache-2.0

#include "persist/policy.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define NAME   "policy-rc.d"
#define SAVED  NAME ".graft-saved"
#define BESIDE NAME ".graft-new"
#define MARK   "# Put here by graft"

static const char script[] =
	"#!/bin/sh\n" MARK
	" for as long as it installs a package, whose services are not\n"
	"# restarted. For everybody else it changes nothing. It may be removed.\n"
	"[ -z \"$" GRAFT_POLICY_VARIABLE "\" ] || exit 101\n"
	"[ ! -x /usr/sbin/" SAVED " ] || exec /usr/sbin/" SAVED " \"$@\"\n"
	"exit 0\n";

/** Open the folder that it belongs into, within the root. */
static struct graft_error *
open_folder(const char *root, int *fd_ret)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};
	GRAFT_CLOSE int root_fd = open(*root ? root : "/",
				       O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root_fd < 0)
		return graft_error_os(errno, "open %s", *root ? root : "/");
	*fd_ret = (int)syscall(SYS_openat2, root_fd, "usr/sbin", &how,
			       sizeof(how));
	return *fd_ret < 0 ? graft_error_os(errno, "open usr/sbin") : NULL;
}

/** Say whether a file of the folder is the policy that graft puts there. */
static bool
is_ours(int folder, const char *name)
{
	char text[sizeof(script)] = "";
	GRAFT_CLOSE int fd = openat(
		folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return false;
	return strstr(text, MARK) != NULL;
}

static bool
is_there(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct graft_error *
write_beside(int folder)
{
	(void)unlinkat(folder, BESIDE, 0);
	GRAFT_CLOSE int fd = openat(
		folder, BESIDE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (fd < 0)
		return graft_error_os(errno, "create /usr/sbin/" BESIDE);
	struct graft_error *err = graft_file_write_fd(fd, script,
						      sizeof(script) - 1);
	if (!err && (fchmod(fd, 0755) < 0 || fsync(fd) < 0))
		err = graft_error_os(errno, "write /usr/sbin/" BESIDE);
	return err;
}

struct graft_error *
graft_policy_put(const char *root)
{
	GRAFT_CLOSE int folder = -1;
	struct graft_error *err = open_folder(root, &folder);

	if (err || is_ours(folder, NAME))
		return err;
	err = write_beside(folder);
	if (err)
		return err;
	// At no moment is there none: the administrator's has two names first.
	if (is_there(folder, NAME)) {
		(void)unlinkat(folder, SAVED, 0);
		if (linkat(folder, NAME, folder, SAVED, 0) < 0)
			return graft_error_os(errno, "link /usr/sbin/" SAVED);
	}
	err = graft_fault("disk-policy");
	if (err)
		return err;
	if (renameat(folder, BESIDE, folder, NAME) < 0)
		return graft_error_os(errno, "rename /usr/sbin/" BESIDE);
	return NULL;
}

struct graft_error *
graft_policy_remove(const char *root)
{
	GRAFT_CLOSE int folder = -1;
	struct graft_error *err = open_folder(root, &folder);

	if (err)
		return err;
	(void)unlinkat(folder, BESIDE, 0);
	if (!is_ours(folder, NAME)) {
		// Somebody else has taken its place meanwhile, or nobody came so far.
		(void)unlinkat(folder, SAVED, 0);
		return NULL;
	}
	err = graft_fault("disk-policy-remove");
	if (err)
		return err;
	if (is_there(folder, SAVED)) {
		if (renameat(folder, SAVED, folder, NAME) < 0)
			return graft_error_os(errno, "rename /usr/sbin/" SAVED);
		return NULL;
	}
	if (unlinkat(folder, NAME, 0) < 0 && errno != ENOENT)
		return graft_error_os(errno, "remove /usr/sbin/" NAME);
	return NULL;
}
