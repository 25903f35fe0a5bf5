// SPDX-License-Identifier: Apache-2.0

#include "plan/builds.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/** One file that was read. */
struct build {
	dev_t dev;
	ino_t inode;
	off_t size;
	struct timespec mtime;
	struct timespec ctime;
	struct graft_image *image;
};

struct graft_builds {
	struct build *builds;
	size_t count;
	size_t cap;
};

struct graft_error *
graft_builds_new(struct graft_builds **ret)
{
	struct graft_builds *builds = calloc(1, sizeof(*builds));
	if (!builds)
		return graft_error_no_memory();
	*ret = builds;
	return NULL;
}

void
graft_builds_free(struct graft_builds *builds)
{
	if (!builds)
		return;
	for (size_t i = 0; i < builds->count; i++)
		graft_image_close(builds->builds[i].image);
	free(builds->builds);
	free(builds);
}

static bool
time_equal(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/** Find the image of a file in the state it is in now, or NULL. */
static const struct graft_image *
find(const struct graft_builds *builds, const struct stat *st)
{
	for (size_t i = 0; i < builds->count; i++) {
		const struct build *build = &builds->builds[i];
		if (build->dev == st->st_dev && build->inode == st->st_ino &&
		    build->size == st->st_size &&
		    time_equal(&build->mtime, &st->st_mtim) &&
		    time_equal(&build->ctime, &st->st_ctim))
			return build->image;
	}
	return NULL;
}

struct graft_error *
graft_builds_get(struct graft_builds *builds, pid_t pid,
		 const struct graft_map *map, const struct graft_image **ret)
{
	struct graft_error *err;
	struct stat st;

	if (graft_map_stat_file(pid, map, &st)) {
		*ret = find(builds, &st);
		if (*ret)
			return NULL;
	}
	GRAFT_CLOSE int fd = -1;
	err = graft_map_open_file(pid, map, &fd);
	if (err)
		return graft_error_prefix(err, "%s", map->path);
	if (fstat(fd, &st) < 0)
		return graft_error_os(errno, "stat %s", map->path);
	*ret = find(builds, &st);
	if (*ret)
		return NULL;

	err = graft_vec_reserve(&builds->builds, &builds->cap,
				builds->count + 1, sizeof(*builds->builds));
	if (err)
		return err;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	err = graft_file_read_fd(fd, GRAFT_LIMIT_ELF_BYTES, &bytes, &len);
	if (err)
		return graft_error_prefix(err, "%s", map->path);
	struct graft_image *image;
	err = graft_image_open_bytes(map->path, bytes, len, NULL, &image);
	if (err)
		return err;
	builds->builds[builds->count++] = (struct build){
		.dev = st.st_dev,
		.inode = st.st_ino,
		.size = st.st_size,
		.mtime = st.st_mtim,
		.ctime = st.st_ctim,
		.image = image,
	};
	*ret = image;
	return NULL;
}
