// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Two sources, compiled to OLD and NEW, and an honest hotpatch of them, to be
 * spoilt and checked.
 */

#ifndef GRAFT_TEST_CHECK_BUILT_H
#define GRAFT_TEST_CHECK_BUILT_H

#include "../compiled.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "check/check.h"
#include "diff/diff.h"
#include "elf/image.h"
#include "patch/patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/** A pair of builds and the hotpatch that the diff makes of it. */
struct built {
	struct graft_image *old_image;
	struct graft_image *new_image;
	struct graft_patch_module module;
};

static inline void
built_deinit(struct built *built)
{
	graft_image_close(built->old_image);
	graft_image_close(built->new_image);
	graft_patch_module_deinit(&built->module);
}

/** Compile one side, if it was not, and open it. */
static inline struct graft_image *
built_image(const struct compiled *made, const char *side, const char *command,
	    const char *source, const char *suffix)
{
	struct graft_image *image = NULL;
	char path[512];
	char line[2048];

	if (!made->found) {
		snprintf(path, sizeof(path), "%s/%s%s", made->dir, side,
			 suffix);
		must(graft_file_write(path, source, strlen(source), 0600));
		snprintf(line, sizeof(line), "%s -w -o %s/%s %s", command,
			 made->dir, side, path);
		if (system(line) != 0)
			fail_msg("%s", line);
	}
	snprintf(path, sizeof(path), "%s/%s", made->dir, side);
	must(graft_image_open(path, NULL, &image));
	return image;
}

/** Compile one source and open it; nothing stays on disk. */
static inline struct graft_image *
built_once(const char *command, const char *source)
{
	const char *const made_of[] = { command, source };
	struct compiled made = compiled_begin(made_of, 2);
	struct graft_image *image = built_image(&made, "one", command, source,
						".c");

	compiled_end(&made);
	return image;
}

/** Compare two sources as they are, without a hotpatch. */
static inline struct built
as_they_are(const char *command, const char *old_source, const char *new_source)
{
	struct built built = { 0 };

	built.old_image = built_once(command, old_source);
	built.new_image = built_once(command, new_source);
	built.module.path = strdup("a");
	built.module.verdict = GRAFT_VERDICT_IDENTICAL;
	memcpy(built.module.old_sha256, graft_image_sha256(built.old_image),
	       GRAFT_SHA256_SIZE);
	memcpy(built.module.new_sha256, graft_image_sha256(built.new_image),
	       GRAFT_SHA256_SIZE);
	return built;
}

/** Compile both sides and make a hotpatch, as `graft diff` would. */
static inline struct built
build(const char *command, const char *suffix, const char *old_source,
      const char *new_source)
{
	GRAFT_CLEANUP(graft_diff_freep) struct graft_diff *diff = NULL;
	const char *const made_of[] = { command, suffix, old_source,
					new_source };
	struct compiled made = compiled_begin(made_of, 4);
	struct built built = { 0 };

	built.old_image = built_image(&made, "old", command, old_source,
				      suffix);
	built.new_image = built_image(&made, "new", command, new_source,
				      suffix);
	compiled_end(&made);
	must(graft_diff_make(built.old_image, built.new_image, &diff));
	built.module.path = strdup("a");
	built.module.verdict = GRAFT_VERDICT_HOTPATCH;
	built.module.assurance = GRAFT_ASSURANCE_INFERRED;
	memcpy(built.module.old_sha256, graft_image_sha256(built.old_image),
	       GRAFT_SHA256_SIZE);
	memcpy(built.module.new_sha256, graft_image_sha256(built.new_image),
	       GRAFT_SHA256_SIZE);
	must(graft_diff_emit(diff, &built.module));
	must(graft_patch_module_check(&built.module));
	return built;
}

/** Check it as it is now. */
static inline struct graft_check_result
check(const struct built *built)
{
	static const struct graft_check_options options = { NULL, NULL };
	struct graft_check_result result = { 0 };

	must(graft_check(built->old_image, built->new_image, &built->module,
			 &options, &result));
	return result;
}

/** It must be found to be the same. */
static inline void
must_be_same(const struct built *built)
{
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result result = check(built);

	if (!result.same)
		print_message("# %s\n", result.difference);
	assert_true(result.same);
	assert_null(result.difference);
	assert_int_equal(result.exception_count, 0);
}

/** It must be found to differ, in words that hold @p what and @p where. */
static inline void
must_differ(const struct built *built, const char *what, const char *where)
{
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result result = check(built);

	assert_false(result.same);
	if (!strstr(result.difference, what) ||
	    !strstr(result.difference, where))
		print_message("# %s\n", result.difference);
	assert_non_null(strstr(result.difference, what));
	assert_non_null(strstr(result.difference, where));
	assert_non_null(strstr(result.difference, "reached by:"));
}

/** Get the address of a symbol of an image. */
static inline uint64_t
address_of(const struct graft_image *image, const char *name)
{
	size_t count;
	const struct graft_symbol *all = graft_image_symbols(image, &count);

	for (size_t i = 0; i < count; i++) {
		if (all[i].defined && strcmp(all[i].name, name) == 0)
			return all[i].addr;
	}
	fail_msg("no symbol %s", name);
	return 0;
}

/** Get the bytes of the hotpatch at an address of NEW. */
static inline uint8_t *
carried_bytes(struct built *built, uint64_t new_addr)
{
	for (size_t i = 0; i < built->module.run_count; i++) {
		struct graft_run *run = &built->module.runs[i];
		if (new_addr >= run->new_addr &&
		    new_addr - run->new_addr < run->file_len)
			return run->bytes + (new_addr - run->new_addr);
	}
	return NULL;
}

/** Where in OLD a displacement leads that is fixed; 0: it is none. */
static inline uint64_t
fix_target(struct built *built, const struct graft_fix *fix)
{
	int32_t field;

	if (fix->kind == GRAFT_FIX_ABS64_OLD)
		return (uint64_t)fix->value;
	if (fix->kind != GRAFT_FIX_REL32_OLD)
		return 0;
	memcpy(&field, carried_bytes(built, fix->new_addr), sizeof(field));
	return fix->new_addr + 4 + (uint64_t)(int64_t)field +
	       (uint64_t)fix->value;
}

/** Move all fixes that lead to one address of OLD; returns how many. */
static inline size_t
move_fixes(struct built *built, uint64_t from, uint64_t to)
{
	size_t moved = 0;

	for (size_t i = 0; i < built->module.fix_count; i++) {
		struct graft_fix *fix = &built->module.fixes[i];
		if (fix_target(built, fix) != from)
			continue;
		fix->value += (int64_t)(to - from);
		moved++;
	}
	return moved;
}

#endif /* GRAFT_TEST_CHECK_BUILT_H */
