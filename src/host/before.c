// SPDX-License-Identifier: Apache-2.0

#include "host/before.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/vec.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	/** Of the largest package there are 6 MiB. */
	SUMS_MAX = 64 << 20,
	SECOND_US = 1000 * 1000,
};

static const char info[] = "/var/lib/dpkg/info";

static void
close_dirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

void
graft_before_deinit(struct graft_before *before)
{
	for (size_t i = 0; i < before->count; i++)
		free(before->paths[i]);
	free(before->paths);
	*before = (struct graft_before){ 0 };
}

/** Get when a file was written; 0: there is none. */
static uint64_t
written_us(const char *dir, const char *name, const char *ending)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s.%s", dir, name, ending);

	if (n < 0 || (size_t)n >= sizeof(path) || stat(path, &st) < 0)
		return 0;
	return (uint64_t)st.st_mtim.tv_sec * SECOND_US +
	       (uint64_t)st.st_mtim.tv_nsec / 1000;
}

uint64_t
graft_before_unpacked_us(const char *name)
{
	return written_us(info, name, "list");
}

/** A line of sums. */
struct sum {
	const char *sum;
	const char *path;
};

/** Sums of a package, by path. */
struct sums {
	char *text;
	struct sum *list;
	size_t count;
};

static void
sums_deinit(struct sums *sums)
{
	free(sums->text);
	free(sums->list);
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct sum *)a)->path,
		      ((const struct sum *)b)->path);
}

/** Read lines; what is none is left out. */
GRAFT_MUST_CHECK static struct graft_error *
read_sums(const char *text, struct sums *ret)
{
	size_t room = 0;

	ret->text = strdup(text);
	if (!ret->text)
		return graft_error_no_memory();
	for (char *rest = ret->text; rest;) {
		char *line = strsep(&rest, "\n");
		char *space = strchr(line, ' ');
		if (!space || space[1] != ' ' || !space[2])
			continue;
		struct graft_error *err = graft_vec_reserve(
			&ret->list, &room, ret->count + 1, sizeof(*ret->list));
		if (err)
			return err;
		*space = '\0';
		ret->list[ret->count++] = (struct sum){ .sum = line,
							.path = space + 2 };
	}
	if (ret->count)
		qsort(ret->list, ret->count, sizeof(*ret->list), by_path);
	return NULL;
}

/** Add a path that is another file now. */
GRAFT_MUST_CHECK static struct graft_error *
add(struct graft_before *before, size_t *room, const char *path)
{
	char *absolute;
	struct graft_error *err = graft_vec_reserve(&before->paths, room,
						    before->count + 1,
						    sizeof(*before->paths));
	if (err)
		return err;
	if (asprintf(&absolute, "/%s", path) < 0)
		return graft_error_no_memory();
	before->paths[before->count++] = absolute;
	return NULL;
}

struct graft_error *
graft_before_compare(const char *was, const char *is, struct graft_before *ret)
{
	GRAFT_CLEANUP(sums_deinit) struct sums old = { 0 };
	GRAFT_CLEANUP(sums_deinit) struct sums new = { 0 };
	GRAFT_CLEANUP(graft_before_deinit)
	struct graft_before before = { .known = true };
	struct graft_error *err = read_sums(was, &old);
	size_t room = 0;
	size_t at = 0;

	if (!err)
		err = read_sums(is, &new);
	for (size_t i = 0; !err && i < old.count; i++) {
		const struct sum *sum = &old.list[i];
		while (at < new.count &&
		       strcmp(new.list[at].path, sum->path) < 0)
			at++;
		if (at == new.count ||
		    strcmp(new.list[at].path, sum->path) != 0 ||
		    strcmp(new.list[at].sum, sum->sum) != 0)
			err = add(&before, &room, sum->path);
	}
	if (err)
		return err;
	*ret = before;
	before = (struct graft_before){ 0 };
	return NULL;
}

/** Read the sums of a package; NULL: there are none. */
GRAFT_MUST_CHECK static struct graft_error *
read_text(const char *dir, const char *name, char **ret)
{
	GRAFT_FREE char *path = NULL;
	uint8_t *bytes = NULL;
	size_t len;

	*ret = NULL;
	if (asprintf(&path, "%s/%s.md5sums", dir, name) < 0)
		return graft_error_no_memory();
	struct graft_error *err = graft_file_read(path, SUMS_MAX, &bytes, &len);
	if (err && graft_error_code(err) != GRAFT_ERROR_NO_MEMORY) {
		graft_error_free(err);
		return NULL;
	}
	*ret = (char *)bytes;
	return err;
}

/**
 * Find the folder with the sums that were in force at a moment: they were put aside later,
 * and of those that were unpacked before it they are the last.
 *
 * @param[out] ret Path of it, if the result is true.
 */
static bool
find_dir(const char *dir, const char *name, uint64_t since_us,
	 char ret[PATH_MAX])
{
	GRAFT_CLEANUP(close_dirp) DIR *list = opendir(dir);
	uint64_t best_us = 0;

	for (const struct dirent *entry; list && (entry = readdir(list));) {
		char path[PATH_MAX];
		char *end;
		uint64_t put_us = strtoull(entry->d_name, &end, 10) * SECOND_US;
		// The time in the name was rounded down.
		if (end == entry->d_name || put_us + SECOND_US < since_us)
			continue;
		int n = snprintf(path, sizeof(path), "%s/%s", dir,
				 entry->d_name);
		if (n < 0 || (size_t)n >= sizeof(path))
			continue;
		uint64_t unpacked_us = written_us(path, name, "list");
		if (unpacked_us <= best_us || unpacked_us > since_us)
			continue;
		best_us = unpacked_us;
		memcpy(ret, path, sizeof(path));
	}
	return best_us > 0;
}

struct graft_error *
graft_before_find(const char *dir, const char *name, uint64_t since_us,
		  struct graft_before *ret)
{
	GRAFT_FREE char *was = NULL;
	GRAFT_FREE char *is = NULL;
	char path[PATH_MAX];
	struct graft_error *err = NULL;

	if (find_dir(dir, name, since_us, path))
		err = read_text(path, name, &was);
	if (!err && was)
		err = read_text(info, name, &is);
	if (err)
		return err;
	if (was && is)
		return graft_before_compare(was, is, ret);
	*ret = (struct graft_before){ 0 };
	return NULL;
}
