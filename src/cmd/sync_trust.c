// SPDX-License-Identifier: Apache-2.0

#include "base/cleanup.h"
#include "base/limits.h"
#include "cmd/sync_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** May only root change a file, or what lies in a folder? In a sticky one nobody takes the
 * place of what is root's; chmod(1). Where there is an access control list, the group's
 * bits are the most that it gives anybody; acl(5). */
static bool
is_of_root(const struct stat *st)
{
	return st->st_uid == 0 &&
	       (!(st->st_mode & (S_IWGRP | S_IWOTH)) ||
		(S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX)));
}

/** Do two paths name the same folder? */
static bool
is_same_folder(const char *a, const char *b)
{
	size_t len = (size_t)(strrchr(a, '/') - a);

	return (size_t)(strrchr(b, '/') - b) == len && memcmp(a, b, len) == 0;
}

/** Does a file hold what was compared? */
static bool
holds(const char *path, const uint8_t wanted[GRAFT_SHA256_LEN])
{
	uint8_t sha256[GRAFT_SHA256_LEN];
	GRAFT_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
						O_CLOEXEC);
	struct graft_error *err =
		fd < 0 ? graft_error_os(errno, "open %s", path)
		       : graft_sha256_fd(fd, GRAFT_LIMIT_ELF_BYTES, sha256);
	bool so = !err && memcmp(sha256, wanted, sizeof(sha256)) == 0;

	graft_error_free(err);
	return so;
}

/** May only root change a file of our root, and what its path leads to? */
static bool
is_path_of_root(const char *path, const uint8_t sha256[GRAFT_SHA256_LEN])
{
	char all[PATH_MAX];
	struct stat st;

	// Of a library its name may be a link in its folder; a folder that is one may have led
	// elsewhere when the file was compared.
	if (!realpath(path, all) || !is_same_folder(path, all) ||
	    !holds(all, sha256))
		return false;
	for (char *end = all + strlen(all); end; end = strrchr(all, '/')) {
		*end = '\0';
		if (lstat(*all ? all : "/", &st) < 0 || !is_of_root(&st))
			return false;
	}
	return true;
}

/** Is a process in our user namespace? Who is in another one may have made it, and mount
 * there what he likes. */
static bool
is_in_our_namespace(pid_t pid)
{
	char path[64];
	struct stat ours;
	struct stat other;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	return stat("/proc/self/ns/user", &ours) == 0 &&
	       stat(path, &other) == 0 && ours.st_dev == other.st_dev &&
	       ours.st_ino == other.st_ino;
}

bool
graft_sync_is_of_root(const struct graft_old_file *file)
{
	return file->ours && file->new_path &&
	       is_path_of_root(file->new_path, file->new_sha256);
}

/** Has any process of our user namespace a file? */
static bool
is_known_here(const struct graft_sync *sync, size_t file)
{
	for (size_t i = 0; i < sync->code->process_count; i++) {
		const struct graft_old_process *p = &sync->code->processes[i];
		for (size_t k = 0; k < p->file_count; k++) {
			if (p->files[k] == file && is_in_our_namespace(p->pid))
				return true;
		}
	}
	return false;
}

bool
graft_sync_is_trusted(const struct graft_sync *sync, size_t group)
{
	for (size_t i = 0; i < sync->code->file_count; i++) {
		const struct graft_old_file *file = &sync->code->files[i];
		if (sync->group_of[i] == group &&
		    sync->module_of[i] != SIZE_MAX &&
		    !(graft_sync_is_of_root(file) && is_known_here(sync, i)))
			return false;
	}
	return true;
}
