// SPDX-License-Identifier: Apache-2.0

#include "host/in_place.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

bool
graft_map_is_code_of_file(const struct graft_map *map)
{
	static const char *const others[] = { "/memfd:", "/dev/", "/SYSV",
					      "/anon_hugepage", "/[aio]" };

	if (!(map->prot & PROT_EXEC) || !map->inode || map->path[0] != '/')
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (strncmp(map->path, others[i], strlen(others[i])) == 0)
			return false;
	}
	return true;
}

/** Look at what lies at a path. Nothing does: 0 everywhere. */
GRAFT_MUST_CHECK static struct graft_error *
look(pid_t tid, const char *path, struct stat *ret)
{
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = graft_root_open(tid, path, O_PATH, &fd);

	*ret = (struct stat){ 0 };
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return NULL;
	}
	if (err)
		return err;
	return fstat(fd, ret) < 0 ? graft_error_os(errno, "stat %s", path)
				  : NULL;
}

/**
 * Say whether what stat(2) finds is what is mapped. On overlayfs and btrfs it has other
 * numbers than proc(5) has for mappings; then the mapping's own file is asked.
 */
static bool
is_mapped(const struct graft_place *place, const struct graft_map *map,
	  const struct stat *now)
{
	uint64_t dev = (uint64_t)major(now->st_dev) << 32 | minor(now->st_dev);
	struct stat mapped;

	if (now->st_ino == map->inode && dev == map->dev)
		return true;
	return now->st_ino && place->mapper &&
	       graft_map_stat_file(place->mapper, map, &mapped) &&
	       mapped.st_ino == now->st_ino && mapped.st_dev == now->st_dev;
}

struct graft_error *
graft_place_look(const struct graft_place *place, const struct graft_map *map,
		 struct stat *now_ret, bool *in_place_ret)
{
	GRAFT_FREE char *deleted = NULL;
	struct graft_error *err;

	*in_place_ret = false;
	// A name that ends as the kernel ends those of deleted files.
	if (map->deleted && asprintf(&deleted, "%s (deleted)", place->path) < 0)
		return graft_error_no_memory();
	err = look(place->tid, deleted ? deleted : place->path, now_ret);
	if (err)
		return err;
	*in_place_ret = is_mapped(place, map, now_ret);
	// The file itself may have another one at its path by now.
	return *in_place_ret || !deleted
		       ? NULL
		       : look(place->tid, place->path, now_ret);
}
