// SPDX-License-Identifier: Apache-2.0

#include "proc/open_files.h"

#include "base/file.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** What the kernel writes behind the path of such a file; proc(5). */
static const char mark[] = " (deleted)";

static void
close_dirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

void
graft_open_files_free(struct graft_open_files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < files->count; i++)
		free(files->files[i].path);
	free(files->files);
	free(files);
}

/** Read where a file was; false: it is in its place, or none with a path. */
static bool
read_path(int dir, const char *name, char path[PATH_MAX])
{
	ssize_t len = readlinkat(dir, name, path, PATH_MAX);
	size_t mark_len = strlen(mark);

	if (len < 0 || len >= PATH_MAX || (size_t)len <= mark_len ||
	    path[0] != '/' ||
	    memcmp(path + (size_t)len - mark_len, mark, mark_len) != 0)
		return false;
	path[(size_t)len - mark_len] = '\0';
	return true;
}

struct graft_error *
graft_open_files_find_deleted(pid_t tid, struct graft_open_files **ret)
{
	GRAFT_CLEANUP(graft_open_files_freep)
	struct graft_open_files *files = calloc(1, sizeof(*files));
	char path[PATH_MAX];
	size_t room = 0;

	if (!files)
		return graft_error_no_memory();
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)tid);
	GRAFT_CLEANUP(close_dirp) DIR *dir = opendir(path);
	if (!dir)
		return errno == EACCES || errno == EPERM
			       ? graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
						 "%s: %s", path,
						 strerror(errno))
			       : graft_error_new(GRAFT_ERROR_TARGET_GONE,
						 "no process %d", (int)tid);
	for (const struct dirent *entry; (entry = readdir(dir));) {
		if (!read_path(dirfd(dir), entry->d_name, path))
			continue;
		struct graft_error *err = graft_vec_reserve(
			&files->files, &room, files->count + 1,
			sizeof(*files->files));
		char *copy = err ? NULL : strdup(path);
		if (!copy)
			return err ? err : graft_error_no_memory();
		files->files[files->count++] = (struct graft_open_file){
			.number = (int)strtol(entry->d_name, NULL, 10),
			.path = copy,
		};
	}
	*ret = GRAFT_TAKE(files);
	return NULL;
}

struct graft_error *
graft_open_file_open(pid_t tid, int number, int *fd_ret)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)tid, number);
	GRAFT_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND, "%s: %s", path,
				       strerror(errno));
	return graft_file_open_plain(fd, fd_ret);
}
