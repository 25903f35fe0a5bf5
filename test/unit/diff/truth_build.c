// SPDX-License-Identifier: Apache-2.0

#include "truth.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { COMMAND_MAX = 8192 };

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static bool
run(const char *command)
{
	return system(command) == 0;
}

static bool
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	if (!file)
		return false;
	bool done = fputs(text, file) >= 0;
	return fclose(file) == 0 && done;
}

/** Compile and link one side: DIR/SIDE with symbols, DIR/SIDE.s without. */
static bool
build_side(const struct truth_recipe *recipe, const char *dir, const char *side,
	   const char *const *files)
{
	char command[COMMAND_MAX];
	char path[512];
	size_t len;

	// Without the build-id the two sides may be the same file.
	len = (size_t)snprintf(command, sizeof(command),
			       "exec 2>>%s/log; cd %s && ", dir, dir);
	for (size_t i = 0; files[i]; i++) {
		snprintf(path, sizeof(path), "%s/%s%zu.%s", dir, side, i,
			 recipe->assembly ? "S" : "c");
		if (!write_file(path, files[i]))
			return false;
		len += (size_t)snprintf(command + len, sizeof(command) - len,
					"%s %s -w -c %s -o %s%zu.o && ",
					recipe->cc, recipe->cflags, path, side,
					i);
	}
	len += (size_t)snprintf(command + len, sizeof(command) - len,
				"%s -Wl,--emit-relocs -Wl,--build-id %s -o %s",
				recipe->cc, recipe->cflags, side);
	for (size_t i = 0; files[i]; i++)
		len += (size_t)snprintf(command + len, sizeof(command) - len,
					" %s%zu.o", side, i);
	len += (size_t)snprintf(command + len, sizeof(command) - len,
				" %s && objcopy --strip-all %s %s.s",
				recipe->ldflags, side, side);
	return len < sizeof(command) && run(command);
}

static bool
open_image(const char *path, struct graft_image **ret)
{
	struct graft_error *err = graft_image_open(path, NULL, ret);

	if (!err)
		return true;
	fprintf(stderr, "%s\n", graft_error_message(err));
	graft_error_free(err);
	return false;
}

bool
truth_open(const char *old_full, const char *new_full, const char *old_stripped,
	   const char *new_stripped, struct truth *ret)
{
	*ret = (struct truth){ 0 };
	if (!open_image(old_full, &ret->old_full) ||
	    !open_image(new_full, &ret->new_full) ||
	    !open_image(old_stripped, &ret->old_image) ||
	    !open_image(new_stripped, &ret->new_image))
		return false;
	struct graft_error *err = graft_diff_make(ret->old_image,
						  ret->new_image, &ret->diff);
	if (!err)
		return true;
	fprintf(stderr, "%s\n", graft_error_message(err));
	graft_error_free(err);
	return false;
}

bool
truth_make(const struct truth_recipe *recipe, struct truth *ret)
{
	char dir[] = "/tmp/graft-truth.XXXXXX";
	char path[4][64];
	const char *end = recipe->keep_symbols ? "" : ".s";

	*ret = (struct truth){ 0 };
	if (!mkdtemp(dir))
		return false;
	bool done = build_side(recipe, dir, "old", recipe->old_files) &&
		    build_side(recipe, dir, "new", recipe->new_files);
	if (done) {
		snprintf(path[0], sizeof(path[0]), "%s/old", dir);
		snprintf(path[1], sizeof(path[1]), "%s/new", dir);
		snprintf(path[2], sizeof(path[2]), "%s/old%s", dir, end);
		snprintf(path[3], sizeof(path[3]), "%s/new%s", dir, end);
		done = truth_open(path[0], path[1], path[2], path[3], ret);
	} else {
		char command[128];
		snprintf(command, sizeof(command), "cat %s/log >&2", dir);
		(void)run(command);
	}
	snprintf(ret->dir, sizeof(ret->dir), "%s", dir);
	return done;
}

void
truth_deinit(struct truth *truth)
{
	graft_diff_free(truth->diff);
	graft_image_close(truth->new_image);
	graft_image_close(truth->old_image);
	graft_image_close(truth->new_full);
	graft_image_close(truth->old_full);
	for (size_t i = 0; i < truth->wrong_count; i++)
		free(truth->wrong[i]);
	if (truth->dir[0])
		(void)nftw(truth->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	*truth = (struct truth){ 0 };
}

void
truth_assemble(const char *text, struct truth *ret)
{
	const char *files[] = { text, NULL };
	struct truth_recipe recipe = { .cc = "gcc",
				       .cflags = "-fPIC",
				       .ldflags = "-shared",
				       .old_files = files,
				       .new_files = files,
				       .assembly = true,
				       .keep_symbols = true };

	if (!truth_make(&recipe, ret))
		fail_msg("not built");
}
