// SPDX-License-Identifier: Apache-2.0

#include "cmd/sync_compare.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/sandbox.h"
#include "cmd/compare.h"
#include "diff/input/pairs.h"
#include "elf/image.h"
#include "host/old_code.h"
#include "patch/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/** A pair: processor time, time by the clock, memory. The largest programs of a
	 * distribution take some tens of seconds, and two gigabytes with debug files. */
	CPU_S = 300,
	WALL_S = 900,
};
static const uint64_t MEMORY = (uint64_t)6 << 30;

/** One side. */
struct side {
	struct graft_tree *tree;
	uint8_t *bytes;
	size_t len;
};

/** What is compared. All of it is read before rights are given up. */
struct comparison {
	struct side sides[2];
	struct graft_pairs *pairs;
	const char *title;
	struct graft_sandbox *box;
};

static void
comparison_deinit(struct comparison *c)
{
	graft_pairs_free(c->pairs);
	for (int i = 0; i < 2; i++) {
		graft_tree_close(c->sides[i].tree);
		free(c->sides[i].bytes);
	}
}

/** Read one side whole. Its hash is that of what was read. */
GRAFT_MUST_CHECK static struct graft_error *
read_side(const struct graft_old_file *file, bool is_new, struct side *side)
{
	GRAFT_CLOSE int fd = -1;
	char name[32];
	struct graft_error *err = graft_old_file_open(file, is_new, &fd);

	if (err)
		return err;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	err = graft_tree_open_file(name, &side->tree);
	return err ? err
		   : graft_tree_read(side->tree, side->tree->files,
				     &side->bytes, &side->len);
}

/** Hand the comparer a side: a graft_compare_read_fn. */
static struct graft_error *
give_side(void *arg, const struct graft_tree *tree, uint8_t **bytes_ret,
	  size_t *len_ret)
{
	const struct comparison *c = arg;
	const struct side *side = &c->sides[c->sides[1].tree == tree];
	uint8_t *bytes = malloc(side->len + 1);

	if (!bytes)
		return graft_error_no_memory();
	memcpy(bytes, side->bytes, side->len);
	*bytes_ret = bytes;
	*len_ret = side->len;
	return NULL;
}

/** Have a debug file opened, and read it: a graft_debug_read_fn. */
static struct graft_error *
read_debug(void *arg, const char *path, uint64_t max, uint8_t **bytes_ret,
	   size_t *len_ret)
{
	const struct comparison *c = arg;
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = graft_sandbox_open(c->box, path, &fd);

	return err ? err : graft_file_read_fd(fd, max, bytes_ret, len_ret);
}

/** Compare, without rights: a graft_sandbox_fn. */
static struct graft_error *
compare(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret,
	size_t *len_ret)
{
	struct comparison *c = arg;
	const char *const dirs[] = { graft_env_debug_dir(), NULL };
	const struct graft_debug_search search = { .dirs = dirs,
						   .read = read_debug,
						   .arg = c };
	const struct graft_compare_options options = {
		.search = &search,
		.title = c->title,
		.read = give_side,
		.read_arg = c,
	};
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;

	c->box = box;
	struct graft_error *err = graft_compare(&c->pairs, 1, &options, &patch);
	return err ? err : graft_patch_encode(patch, bytes_ret, len_ret);
}

/** Is it the path of a debug file, as a build-id makes it? */
static bool
is_by_build_id(const char *path)
{
	static const char hex[] = "0123456789abcdef";
	const char *dir = graft_env_debug_dir();
	size_t len = strlen(dir);

	if (strncmp(path, dir, len) != 0 ||
	    strncmp(path + len, "/.build-id/", 11) != 0)
		return false;
	const char *at = path + len + 11;
	if (strspn(at, hex) != 2 || at[2] != '/')
		return false;
	at += 3;
	return strcmp(at + strspn(at, hex), ".debug") == 0;
}

/** Open a debug file for who compares: a graft_sandbox_open_fn. */
static struct graft_error *
open_debug(void *arg, const char *name, int *fd_ret)
{
	(void)arg;
	if (!is_by_build_id(name))
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED, "%s", name);
	return graft_file_open_regular(name, O_RDONLY, fd_ret);
}

/** Make the work of a comparison. */
static struct graft_sandbox_work
work_of(struct comparison *c)
{
	return (struct graft_sandbox_work){
		.name = "comparing",
		.fn = compare,
		.open = open_debug,
		.arg = c,
		.cpu_s = CPU_S,
		.wall_s = WALL_S,
		.memory = MEMORY,
		.result_max = GRAFT_LIMIT_PATCH_BYTES,
	};
}

void
graft_sync_compare_bounds(struct graft_sandbox_bounds *ret)
{
	const struct graft_sandbox_work work = work_of(NULL);

	graft_sandbox_bounds_of(&work, ret);
}

struct graft_error *
graft_sync_compare(const struct graft_old_file *file,
		   struct graft_sandbox_bounds *exceeded_ret,
		   struct graft_patch **ret)
{
	GRAFT_CLEANUP(comparison_deinit)
	struct comparison c = { .title = file->new_path };
	const struct graft_sandbox_work work = work_of(&c);
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;
	struct graft_error *err = read_side(file, false, &c.sides[0]);

	*exceeded_ret = (struct graft_sandbox_bounds){ 0 };

	if (!err)
		err = read_side(file, true, &c.sides[1]);
	if (!err)
		err = graft_pairs_make(c.sides[0].tree, c.sides[1].tree,
				       &c.pairs);
	if (!err)
		err = graft_sandbox_run(&work, exceeded_ret, &bytes, &len);
	return err ? err : graft_patch_decode(bytes, len, ret);
}
