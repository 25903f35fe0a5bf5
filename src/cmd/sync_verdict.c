// SPDX-License-Identifier: Apache-2.0

#include "cmd/sync_verdict.h"

#include "base/env.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/limits.h"
#include "base/sandbox.h"
#include "base/text.h"
#include "cmd/sync_compare.h"
#include "cmd/sync_exceeded.h"
#include "patch/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/** Verdicts that are kept; the oldest go. An upgrade of all of a host brings
	 * some hundreds. */
	KEPT_MAX = 2000,
	PATH_LEN = 4096,
	/** Of a program of ours. */
	PROGRAM_MAX = 256 << 20,
};

/** Hash ourselves: another graft may decide otherwise. */
GRAFT_MUST_CHECK static struct graft_error *
hash_program(struct graft_verdict_cache *cache)
{
	if (cache->has_program)
		return NULL;
	GRAFT_CLOSE int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return graft_error_os(errno, "open /proc/self/exe");
	struct graft_error *err = graft_sha256_fd(fd, PROGRAM_MAX,
						  cache->program);
	cache->has_program = !err;
	return err;
}

/** Is a folder there that others can write to, or own? */
static bool
is_others(const char *dir)
{
	struct stat st;

	return lstat(dir, &st) == 0 &&
	       (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & (S_IWGRP | S_IWOTH)));
}

/** Make the path under which a verdict is kept. */
GRAFT_MUST_CHECK static struct graft_error *
make_path(struct graft_verdict_cache *cache, const struct graft_old_file *file,
	  char path[PATH_LEN])
{
	uint8_t key[3][GRAFT_SHA256_LEN];
	uint8_t hash[GRAFT_SHA256_LEN];
	char name[2 * GRAFT_SHA256_LEN + 1];
	struct graft_error *err = hash_program(cache);

	if (err)
		return err;
	memcpy(key[0], cache->program, GRAFT_SHA256_LEN);
	memcpy(key[1], file->old_sha256, GRAFT_SHA256_LEN);
	memcpy(key[2], file->new_sha256, GRAFT_SHA256_LEN);
	err = graft_sha256(key, sizeof(key), hash);
	if (err)
		return err;
	graft_hex_encode(hash, sizeof(hash), name);
	int n = snprintf(path, PATH_LEN, "%s/%s.graft", cache->dir, name);
	return n > 0 && n < PATH_LEN
		       ? NULL
		       : graft_error_new(GRAFT_ERROR_LIMIT,
					 "%s: the path is too long",
					 cache->dir);
}

/** Is it what was asked for? */
static bool
is_of(const struct graft_patch *patch, const struct graft_old_file *file)
{
	return patch->module_count == 1 &&
	       memcmp(patch->modules[0].old_sha256, file->old_sha256,
		      GRAFT_SHA256_LEN) == 0 &&
	       memcmp(patch->modules[0].new_sha256, file->new_sha256,
		      GRAFT_SHA256_LEN) == 0;
}

/** Call a module after its path instead of after our descriptor. */
GRAFT_MUST_CHECK static struct graft_error *
rename_module(const char *path, struct graft_patch_module *module)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_text_put_safe(&text, path + strspn(path, "/"));
	free(module->path);
	module->path = NULL;
	return graft_text_take(&text, &module->path);
}

/** Compare the two files, unless that was too much before. */
GRAFT_MUST_CHECK static struct graft_error *
compare(const struct graft_verdict_cache *cache, const char *path,
	const struct graft_old_file *file, struct graft_patch **ret)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	struct graft_sandbox_bounds exceeded = { 0 };
	struct graft_error *err = NULL;

	if (!cache->is_others)
		err = graft_exceeded_check(path);
	if (err)
		return err;
	err = graft_sync_compare(file, &exceeded, &patch);
	if (!cache->is_others)
		graft_exceeded_keep(cache->dir, path, &exceeded);

	if (!err && !is_of(patch, file))
		err = graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"it was replaced while it was read: run it again");
	if (!err)
		err = rename_module(file->new_path, &patch->modules[0]);
	if (err)
		return err;
	*ret = GRAFT_TAKE(patch);
	return NULL;
}

/** A file and when it was written. */
struct kept {
	char *name;
	struct timespec when;
};

static int
by_age(const void *a, const void *b)
{
	const struct kept *one = a;
	const struct kept *other = b;

	if (one->when.tv_sec != other->when.tv_sec)
		return one->when.tv_sec < other->when.tv_sec ? -1 : 1;
	return (one->when.tv_nsec > other->when.tv_nsec) -
	       (one->when.tv_nsec < other->when.tv_nsec);
}

/** Remove the oldest verdicts, if there are too many. What fails, fails next time. */
static void
forget_oldest(const char *path)
{
	DIR *dir = opendir(path);
	struct kept *list = calloc(2 * KEPT_MAX, sizeof(*list));
	size_t count = 0;

	for (struct dirent *entry;
	     dir && list && count < 2 * KEPT_MAX && (entry = readdir(dir));) {
		struct stat st;
		if (entry->d_name[0] == '.' ||
		    fstatat(dirfd(dir), entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		list[count].name = strdup(entry->d_name);
		list[count].when = st.st_mtim;
		count += list[count].name != NULL;
	}
	if (count > KEPT_MAX) {
		qsort(list, count, sizeof(*list), by_age);
		for (size_t i = 0; i < count - KEPT_MAX; i++)
			(void)unlinkat(dirfd(dir), list[i].name, 0);
	}
	for (size_t i = 0; i < count; i++)
		free(list[i].name);
	free(list);
	if (dir)
		(void)closedir(dir);
}

/** Keep a verdict. A cache that cannot be written to costs time, nothing else. */
static void
keep(const struct graft_verdict_cache *cache, const char *path,
     struct graft_patch *patch)
{
	struct graft_error *err = graft_dir_make(cache->dir, 0700);

	if (!err)
		err = graft_patch_write_file(patch, path);
	if (!err)
		forget_oldest(cache->dir);
	graft_error_free(err);
}

struct graft_error *
graft_verdict_get(struct graft_verdict_cache *cache,
		  const struct graft_old_file *file, struct graft_patch **ret)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	char path[PATH_LEN];
	struct graft_error *err = make_path(cache, file, path);

	if (err)
		return err;
	cache->is_others |= is_others(cache->dir);
	// One that cannot be read, or is another, is made anew.
	if (!cache->is_others)
		graft_error_free(graft_patch_read_file(path, &patch));
	if (patch && is_of(patch, file)) {
		err = rename_module(file->new_path, &patch->modules[0]);
		cache->known += !err;
	} else {
		graft_patch_free(patch);
		patch = NULL;
		err = compare(cache, path, file, &patch);
		if (!err && !cache->is_others)
			keep(cache, path, patch);
		cache->compared += !err;
	}
	if (err)
		return err;
	*ret = GRAFT_TAKE(patch);
	return NULL;
}
