// SPDX-License-Identifier: Apache-2.0

#include "host/old_code.h"

#include "host/in_place.h"
#include "proc/status.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct graft_error *
graft_old_file_open(const struct graft_old_file *file, bool is_new, int *fd_ret)
{
	if (is_new && file->ours)
		return graft_root_open_file(getpid(), file->new_path, fd_ret);
	pid_t tid = graft_proc_live_tid(file->pid);
	if (tid == 0)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE, "no process %d",
				       (int)file->pid);
	return is_new ? graft_root_open_file(tid, file->new_path, fd_ret)
		      : graft_map_open_file_of(tid, &file->map, fd_ret);
}

static int
by_index(const void *a, const void *b)
{
	size_t one = *(const size_t *)a;
	size_t other = *(const size_t *)b;

	return (one > other) - (one < other);
}

/** Is a file among those of a process? */
static bool
has_file(const struct graft_old_process *process, size_t file)
{
	return process->file_count &&
	       bsearch(&file, process->files, process->file_count, sizeof(file),
		       by_index);
}

/** Take the mapping of a file from a process, if it still has one. */
GRAFT_MUST_CHECK static struct graft_error *
take_map(struct graft_old_file *file, pid_t pid, bool *ret)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct graft_error *err = graft_maps_read(graft_proc_live_tid(pid),
						  &maps);

	for (size_t i = 0; !err && i < maps->count; i++) {
		struct graft_map *map = &maps->maps[i];
		if (!graft_map_is_code_of_file(map) ||
		    map->inode != file->map.inode ||
		    map->dev != file->map.dev ||
		    map->deleted != file->map.deleted ||
		    strcmp(map->path, file->map.path) != 0)
			continue;
		file->map = *map;
		file->map.path = file->map_path;
		file->pid = pid;
		*ret = true;
		break;
	}
	return err;
}

struct graft_error *
graft_old_file_renew(const struct graft_old_code *code,
		     struct graft_old_file *file, size_t *next, bool *ret)
{
	size_t at = (size_t)(file - code->files);

	*ret = false;
	while (!*ret && *next < code->process_count) {
		const struct graft_old_process *p = &code->processes[(*next)++];
		if (p->pid == file->pid || !has_file(p, at))
			continue;
		struct graft_error *err = take_map(file, p->pid, ret);
		if (err && graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
			return err;
		graft_error_free(err);
	}
	return NULL;
}
