// SPDX-License-Identifier: Apache-2.0

#include "proc/user_file.h"

#include "base/cleanup.h"
#include "proc/root.h"
#include "proc/status.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/** A status file of proc(5) takes some 1.5 KiB. */
	STATUS_MAX = 8192,
	/** Supplementary groups that are ours: NGROUPS_MAX is 65,536, users have few. */
	GROUPS = 1024,
};

/** Whom we were before we became the user of the process. */
struct self {
	bool other;
	uid_t uid;
	gid_t gid;
	gid_t groups[GROUPS];
	int group_count;
};

/**
 * Become ourselves again. Real and saved ids were kept, so that the user whom we were
 * could neither signal nor trace us.
 */
static void
become_self(struct self *self)
{
	// To go on as somebody else would be to do other things than were asked.
	if (self->other &&
	    (seteuid(self->uid) < 0 || setegid(self->gid) < 0 ||
	     setgroups((size_t)self->group_count, self->groups) < 0))
		abort();
	self->other = false;
}

GRAFT_MUST_CHECK static struct graft_error *
cannot_become(const struct graft_user_dir *dir)
{
	return graft_error_new(GRAFT_ERROR_NOT_PERMITTED, "become user %u: %s",
			       dir->uid, strerror(errno));
}

/** Become the user of a process, unless we are; end with become_self(). */
GRAFT_MUST_CHECK static struct graft_error *
become_user(const struct graft_user_dir *dir, struct self *ret)
{
	*ret = (struct self){ .uid = geteuid(), .gid = getegid() };
	if (ret->uid == dir->uid && (ret->uid != 0 || ret->gid == dir->gid))
		return NULL;
	ret->group_count = getgroups(GROUPS, ret->groups);
	if (ret->group_count < 0 || setgroups(0, NULL) < 0)
		return cannot_become(dir);
	ret->other = true;
	return setegid(dir->gid) < 0 || seteuid(dir->uid) < 0
		       ? cannot_become(dir)
		       : NULL;
}

/** Take the user, the group and the innermost number out of a status file. */
static bool
take_ids(const char *text, struct graft_user_dir *ret)
{
	const char *uid = strstr(text, "\nUid:");
	const char *gid = strstr(text, "\nGid:");
	const char *pids = strstr(text, "\nNStgid:");
	const char *tgid = strstr(text, "\nTgid:");
	int found = 0;

	if (uid)
		found += sscanf(uid, "\nUid: %*u %u", &ret->uid) == 1;
	if (gid)
		found += sscanf(gid, "\nGid: %*u %u", &ret->gid) == 1;
	if (tgid)
		found += sscanf(tgid, "\nTgid: %d", &ret->inner_pid) == 1;
	// Outermost first; without namespaces the kernel may say nothing.
	for (const char *at = pids ? pids + strlen("\nNStgid:") : "";
	     *at == '\t';) {
		char *end;
		ret->inner_pid = (pid_t)strtol(at, &end, 10);
		at = end;
	}
	return found == 3;
}

void
graft_user_dir_close(struct graft_user_dir *dir)
{
	if (dir->fd >= 0)
		(void)close(dir->fd);
	*dir = (struct graft_user_dir){ .fd = -1 };
}

struct graft_error *
graft_user_dir_open(pid_t tid, const char *path, struct graft_user_dir *ret)
{
	struct graft_user_dir dir = { .fd = -1 };
	char text[STATUS_MAX];

	*ret = dir;
	ssize_t len = graft_proc_slurp(text, sizeof(text), "/proc/%d/status",
				       (int)tid);
	if (len <= 0)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE, "no process %d",
				       (int)tid);
	if (!take_ids(text, &dir))
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"/proc/%d/status says no user or process", (int)tid);
	struct graft_error *err =
		graft_root_open(tid, path, O_PATH | O_DIRECTORY, &dir.fd);
	if (err)
		return err;
	*ret = dir;
	return NULL;
}

/** Read an open file to its end. */
GRAFT_MUST_CHECK static struct graft_error *
read_all(int fd, const char *name, size_t size, char **text_ret,
	 size_t *len_ret)
{
	GRAFT_FREE char *text = malloc(size + 1);
	size_t len = 0;

	if (!text)
		return graft_error_no_memory();
	while (len < size) {
		ssize_t got = read(fd, text + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return graft_error_os(errno, "read %s", name);
		if (got == 0)
			break;
		len += (size_t)got;
	}
	text[len] = '\0';
	*text_ret = GRAFT_TAKE(text);
	*len_ret = len;
	return NULL;
}

struct graft_error *
graft_user_file_read(const struct graft_user_dir *dir, const char *name,
		     char **text_ret, size_t *len_ret)
{
	GRAFT_CLEANUP(become_self) struct self self = { 0 };
	struct graft_error *err = become_user(dir, &self);
	struct stat st;

	*text_ret = NULL;
	*len_ret = 0;
	if (err)
		return err;
	// Not to wait for what may be a pipe.
	GRAFT_CLOSE int fd = openat(dir->fd, name,
				    O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
					    O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd < 0 && errno != ELOOP)
		return graft_error_os(errno, "open %s", name);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_uid != dir->uid)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s is there and is no file of user %u",
				       name, dir->uid);
	if (st.st_size > GRAFT_USER_FILE_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s is longer than %d MiB", name,
				       GRAFT_USER_FILE_MAX >> 20);
	return read_all(fd, name, (size_t)st.st_size, text_ret, len_ret);
}

/** Write a whole file. */
GRAFT_MUST_CHECK static struct graft_error *
write_all(int fd, const char *name, const char *text, size_t len)
{
	while (len) {
		ssize_t done = write(fd, text, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return graft_error_os(errno, "write %s", name);
		text += done;
		len -= (size_t)done;
	}
	return NULL;
}

struct graft_error *
graft_user_file_replace(const struct graft_user_dir *dir, const char *name,
			const char *text, size_t len)
{
	GRAFT_CLEANUP(become_self) struct self self = { 0 };
	struct graft_error *err = become_user(dir, &self);

	if (err)
		return err;
	if (unlinkat(dir->fd, name, 0) < 0 && errno != ENOENT)
		return graft_error_os(errno, "remove %s", name);
	if (!text)
		return NULL;
	GRAFT_CLOSE int fd = openat(
		dir->fd, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return graft_error_os(errno, "make %s", name);
	// Whatever our mask of modes is, perf(1) is run by others.
	if (fchmod(fd, 0644) < 0)
		err = graft_error_os(errno, "make %s", name);
	if (!err)
		err = write_all(fd, name, text, len);
	// Half a file would be read as a whole one.
	if (err)
		(void)unlinkat(dir->fd, name, 0);
	return err;
}
