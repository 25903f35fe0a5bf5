// SPDX-License-Identifier: Apache-2.0

#include "../compiled.h"
#include "truth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { COMMAND_MAX = 8192 };

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

/** Look for what was made of a recipe. */
static struct compiled
begin(const struct truth_recipe *recipe)
{
	const char *made_of[4 + 2 * (TRUTH_FILES_MAX + 1)] = {
		recipe->cc, recipe->cflags, recipe->ldflags,
		recipe->assembly ? "S" : "c"
	};
	size_t count = 4;

	for (size_t i = 0; recipe->old_files[i]; i++)
		made_of[count++] = recipe->old_files[i];
	made_of[count++] = NULL;
	for (size_t i = 0; recipe->new_files[i]; i++)
		made_of[count++] = recipe->new_files[i];
	return compiled_begin(made_of, count);
}

bool
truth_make(const struct truth_recipe *recipe, struct truth *ret)
{
	char path[4][512];
	const char *end = recipe->keep_symbols ? "" : ".s";
	struct compiled made = begin(recipe);
	const char *dir = made.dir;

	*ret = (struct truth){ 0 };
	bool done = made.found ||
		    (build_side(recipe, dir, "old", recipe->old_files) &&
		     build_side(recipe, dir, "new", recipe->new_files));
	if (done) {
		snprintf(path[0], sizeof(path[0]), "%s/old", dir);
		snprintf(path[1], sizeof(path[1]), "%s/new", dir);
		snprintf(path[2], sizeof(path[2]), "%s/old%s", dir, end);
		snprintf(path[3], sizeof(path[3]), "%s/new%s", dir, end);
		done = truth_open(path[0], path[1], path[2], path[3], ret);
	} else {
		char command[512];
		snprintf(command, sizeof(command), "cat %s/log >&2", dir);
		(void)run(command);
		// What could not be made is not to be found.
		made.place[0] = '\0';
	}
	compiled_end(&made);
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
