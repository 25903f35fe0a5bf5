// SPDX-License-Identifier: Apache-2.0

#include "host/owner.h"

#include "base/cleanup.h"
#include "proc/status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	TEXT_ROOM = 4096,
	PATH_ROOM = 64,
	/** User namespaces within each other: the kernel allows 32. */
	DEEP = 40,
	/** Children of a thread that are looked at. */
	CHILDREN_ROOM = 64 << 10,
};

bool
graft_owner_parse(const char *text, struct graft_owner_ids *ret)
{
	const char *line = strstr(text, "\nUid:");
	unsigned real;
	unsigned effective;
	unsigned saved;

	if (!line ||
	    sscanf(line, "\nUid: %u %u %u", &real, &effective, &saved) != 3)
		return false;
	*ret = (struct graft_owner_ids){ real, effective, saved };
	return true;
}

uid_t
graft_owner_of(const struct graft_owner_ids *ids)
{
	if (ids->real)
		return ids->real;
	return ids->saved ? ids->saved : ids->effective;
}

/** Is a namespace ours? */
static bool
is_ours(int fd)
{
	struct stat it;
	struct stat ours;

	return fstat(fd, &it) == 0 && stat("/proc/self/ns/user", &ours) == 0 &&
	       it.st_ino == ours.st_ino && it.st_dev == ours.st_dev;
}

/** Open the user namespace of a process that was made from ours; -1: it is in ours, or
 * nobody can say. */
static int
open_outermost(pid_t pid)
{
	char path[PATH_ROOM];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	for (int i = 0; fd >= 0 && i < DEEP && !is_ours(fd); i++) {
		int above = ioctl(fd, NS_GET_PARENT);
		if (above < 0 || is_ours(above)) {
			if (above >= 0)
				(void)close(above);
			return fd;
		}
		(void)close(fd);
		fd = above;
	}
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/** Read what the first user of a process's namespace is here; 0: nobody can say. */
static uid_t
first_user(pid_t pid)
{
	char text[TEXT_ROOM];
	unsigned inside;
	unsigned here;

	if (graft_proc_slurp(text, sizeof(text), "/proc/%d/uid_map",
			     (int)pid) <= 0 ||
	    sscanf(text, "%u %u", &inside, &here) != 2)
		return 0;
	return here;
}

struct graft_error *
graft_owner_read(pid_t pid, uid_t *ret)
{
	char text[TEXT_ROOM];
	struct graft_owner_ids ids;
	uid_t owner = 0;

	if (graft_proc_slurp(text, sizeof(text), "/proc/%d/status", (int)pid) <=
		    0 ||
	    !graft_owner_parse(text, &ids))
		return graft_error_new(GRAFT_ERROR_TARGET_GONE,
				       "process %d has ended", (int)pid);
	GRAFT_CLOSE int space = open_outermost(pid);
	if (space >= 0 && ioctl(space, NS_GET_OWNER_UID, &owner) == 0 &&
	    owner == 0)
		owner = first_user(pid);
	*ret = owner ? owner : graft_owner_of(&ids);
	return NULL;
}

/** Does a process run the program that another runs, for a user? */
static bool
is_worker(pid_t pid, const struct stat *program, uid_t uid)
{
	char path[PATH_ROOM];
	struct stat st;
	uid_t owner;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	if (stat(path, &st) < 0 || st.st_ino != program->st_ino ||
	    st.st_dev != program->st_dev)
		return false;
	struct graft_error *err = graft_owner_read(pid, &owner);
	bool so = !err && owner == uid;
	graft_error_free(err);
	return so;
}

/** Has a thread forked a worker for a user? */
GRAFT_MUST_CHECK static struct graft_error *
has_worker(pid_t pid, const char *tid, const struct stat *program, uid_t uid,
	   bool *ret)
{
	GRAFT_FREE char *text = malloc(CHILDREN_ROOM);
	int child;
	int len;

	if (!text)
		return graft_error_no_memory();
	*ret = false;
	if (graft_proc_slurp(text, CHILDREN_ROOM,
			     "/proc/%d/task/%.16s/children", (int)pid,
			     tid) <= 0)
		return NULL;
	for (const char *at = text;
	     !*ret && sscanf(at, "%d%n", &child, &len) == 1; at += len)
		*ret = is_worker(child, program, uid);
	return NULL;
}

static void
close_dirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

struct graft_error *
graft_owner_is(pid_t pid, uid_t uid, bool *ret)
{
	char path[PATH_ROOM];
	struct stat program;
	uid_t owner;
	struct graft_error *err = graft_owner_read(pid, &owner);

	*ret = !err && owner == uid;
	if (err || owner || pid == 1) {
		graft_error_free(err);
		return NULL;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	if (stat(path, &program) < 0)
		return NULL;
	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	GRAFT_CLEANUP(close_dirp) DIR *dir = opendir(path);
	for (const struct dirent *entry;
	     !err && dir && !*ret && (entry = readdir(dir));) {
		if (entry->d_name[0] != '.')
			err = has_worker(pid, entry->d_name, &program, uid,
					 ret);
	}
	return err;
}
