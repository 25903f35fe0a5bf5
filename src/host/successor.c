// SPDX-License-Identifier: Apache-2.0

#include "host/successor.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "elf/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** Take an error that says that nothing is there. */
static struct graft_error *
take_absence(struct graft_error *err, bool *absent_ret)
{
	*absent_ret = err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND;
	if (!*absent_ret)
		return err;
	graft_error_free(err);
	return NULL;
}

/** Read the soname of a mapped library; NULL if it has none that is a file name. */
GRAFT_MUST_CHECK static struct graft_error *
read_soname(int fd, const char *path, char **ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *image = NULL;
	size_t len;
	struct graft_error *err = graft_file_read_fd(fd, GRAFT_LIMIT_ELF_BYTES,
						     &bytes, &len);

	*ret = NULL;
	if (!err)
		err = graft_image_open_bytes(path, bytes, len, NULL, &image);
	if (err && graft_error_kind(err) == GRAFT_KIND_INPUT) {
		// What cannot be read has no soname.
		graft_error_free(err);
		return NULL;
	}
	const char *soname = err ? NULL : graft_image_soname(image);
	if (!soname || !*soname || strchr(soname, '/'))
		return err;
	*ret = strdup(soname);
	return *ret ? NULL : graft_error_no_memory();
}

struct graft_error *
graft_successor_find(const struct graft_place *place, int old_fd,
		     char **path_ret, int *fd_ret)
{
	GRAFT_FREE char *soname = NULL;
	GRAFT_FREE char *beside = NULL;
	bool absent;
	struct graft_error *err = take_absence(
		graft_root_open_file(place->tid, place->path, fd_ret), &absent);

	*path_ret = NULL;
	if (!err && !absent) {
		*path_ret = strdup(place->path);
		return *path_ret ? NULL : graft_error_no_memory();
	}
	if (!err)
		err = read_soname(old_fd, place->path, &soname);
	if (err || !soname)
		return err;
	int folder = (int)(strrchr(place->path, '/') - place->path);
	if (asprintf(&beside, "%.*s/%s", folder, place->path, soname) < 0)
		return graft_error_no_memory();
	err = take_absence(graft_root_open_file(place->tid, beside, fd_ret),
			   &absent);
	if (!err && !absent)
		*path_ret = GRAFT_TAKE(beside);
	return err;
}

bool
graft_successor_is_ours(pid_t tid, const char *path)
{
	struct stat theirs;
	struct stat ours;
	GRAFT_CLOSE int their_fd = -1;
	GRAFT_CLOSE int our_fd = -1;
	struct graft_error *err = graft_root_open(tid, path, O_PATH, &their_fd);

	if (!err)
		err = graft_root_open(getpid(), path, O_PATH, &our_fd);
	bool both = !err && fstat(their_fd, &theirs) == 0 &&
		    fstat(our_fd, &ours) == 0;
	graft_error_free(err);
	return both && theirs.st_dev == ours.st_dev &&
	       theirs.st_ino == ours.st_ino;
}
