// SPDX-License-Identifier: Apache-2.0

#include "proc/list.h"

#include "base/cleanup.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/** Close a directory stream at the end of its scope. */
static void
close_dirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static int
compare(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a;
	pid_t y = *(const pid_t *)b;
	return (x > y) - (x < y);
}

/** List the entries of a directory of /proc that are numbers. */
GRAFT_MUST_CHECK static struct graft_error *
list(DIR *dir, const char *path, pid_t **ret, size_t *count_ret)
{
	GRAFT_FREE pid_t *pids = NULL;
	size_t count = 0;
	size_t cap = 0;

	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		// The directory of a process that ends while it is read is empty.
		if (!entry && errno && errno != ENOENT && errno != ESRCH)
			return graft_error_os(errno, "read %s", path);
		if (!entry)
			break;
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		if (*end || pid <= 0 || pid > INT32_MAX)
			continue;
		struct graft_error *err = graft_vec_reserve(
			&pids, &cap, count + 1, sizeof(*pids));
		if (err)
			return err;
		pids[count++] = (pid_t)pid;
	}
	if (count)
		qsort(pids, count, sizeof(*pids), compare);
	*ret = GRAFT_TAKE(pids);
	*count_ret = count;
	return NULL;
}

struct graft_error *
graft_proc_list(pid_t **ret, size_t *count_ret)
{
	GRAFT_CLEANUP(close_dirp) DIR *dir = opendir("/proc");
	if (!dir)
		return graft_error_os(errno, "open /proc");
	return list(dir, "/proc", ret, count_ret);
}

struct graft_error *
graft_proc_list_threads(pid_t pid, pid_t **ret, size_t *count_ret)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	GRAFT_CLEANUP(close_dirp) DIR *dir = opendir(path);
	if (!dir && errno == ENOENT)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE, "pid %d exited",
				       (int)pid);
	if (!dir)
		return graft_error_os(errno, "open %s", path);
	return list(dir, path, ret, count_ret);
}
