// SPDX-License-Identifier: Apache-2.0

#include "proc/list_from.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	/** Where number 0 would be (fs/proc/base.c: TGID_OFFSET). */
	PLACE_OF_0 = 258,
};

void
graft_list_from_deinit(struct graft_list_from *list)
{
	if (list->tried)
		(void)close(list->fd);
	*list = (struct graft_list_from){ 0 };
}

/** Take the numbers of some entries. @return false if one is none, or there is no room. */
static bool
take(const char *entries, ssize_t len, pid_t *pids, size_t room,
     size_t *count_io)
{
	for (ssize_t at = 0; at < len;) {
		const struct dirent64 *entry =
			(const struct dirent64 *)(const void *)(entries + at);
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		if (*end || pid <= 0 || pid > INT_MAX || *count_io == room)
			return false;
		pids[(*count_io)++] = (pid_t)pid;
		at += entry->d_reclen;
	}
	return true;
}

/** Read the list from a place on. */
static bool
read_from(const struct graft_list_from *list, pid_t first, pid_t *pids,
	  size_t room, size_t *count_ret)
{
	char entries[4096] __attribute__((aligned(_Alignof(struct dirent64))));

	*count_ret = 0;
	if (lseek(list->fd, (off_t)first + PLACE_OF_0, SEEK_SET) < 0)
		return false;
	for (;;) {
		ssize_t len = getdents64(list->fd, entries, sizeof(entries));
		if (len <= 0)
			return len == 0;
		if (!take(entries, len, pids, room, count_ret))
			return false;
	}
}

/** See that a list from our own number on begins with us, and one behind it does not. */
static bool
is_by_number(const struct graft_list_from *list)
{
	enum { SOME = 256 };
	pid_t pids[SOME];
	size_t count;

	if (!read_from(list, getpid(), pids, SOME, &count) || !count ||
	    pids[0] != getpid())
		return false;
	return read_from(list, getpid() + 1, pids, SOME, &count) &&
	       (!count || pids[0] > getpid());
}

/** Open it, once for a process: a place that is shared with another one moves. */
static void
begin(struct graft_list_from *list)
{
	if (list->tried == getpid() || list->useless)
		return;
	graft_list_from_deinit(list);
	list->fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list->tried = list->fd >= 0 ? getpid() : 0;
	list->useless = !list->tried || !is_by_number(list);
}

bool
graft_list_from(struct graft_list_from *list, pid_t first, pid_t *pids,
		size_t room, size_t *count_ret)
{
	begin(list);
	if (list->useless || !read_from(list, first, pids, room, count_ret))
		return false;
	for (size_t i = 0; i < *count_ret; i++) {
		if (pids[i] < first || (i && pids[i] <= pids[i - 1]))
			return false;
	}
	return true;
}
