// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * An independent check of a hotpatch: does OLD with it do what NEW does?
 *
 * OLD and the hotpatch are laid in memory beside NEW, and both are walked in
 * lock-step from everything that the outside can reach. Each pair of
 * instructions must be the same but for what it refers to, and what it refers to
 * must be the same thing: the same import, the same constant by content, or an
 * object of OLD that stands for this one object of NEW wherever it is named.
 *
 * This folder knows nothing of how a hotpatch is made. It shares the reader of
 * ELF files and the decoder of hotpatches with the rest of the program, and
 * nothing else. What it does not reach it says nothing about.
 */

#ifndef GRAFT_CHECK_CHECK_H
#define GRAFT_CHECK_CHECK_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct graft_image;
struct graft_patch_module;

/** What was proven, or where the proof ended. */
struct graft_check_result {
	/** Nothing differs but the exceptions. */
	bool same;
	/** Lines that describe the first difference; NULL if there is none. */
	char *difference;
	/** Pairs of functions walked, and pairs of their instructions. */
	uint64_t functions;
	uint64_t instructions;
	/** Pairs of constants, and bytes of them. */
	uint64_t constants;
	uint64_t constant_bytes;
	/** References to writable objects that were put in correspondence. */
	uint64_t objects;
	uint64_t object_bytes;
	/** Addresses that are the end of an object. */
	uint64_t ends;
	/** Pairs of slots that the loader fills. */
	uint64_t slots;
	/** Functions that no walk reached, of all. OLD's replaced ones do not
	 * count; of carried ones are those that the hotpatch brings. */
	uint64_t old_unreached;
	uint64_t old_total;
	uint64_t new_unreached;
	uint64_t new_total;
	uint64_t carried_unreached;
	uint64_t carried_total;
	/** What differs and is meant to: a line each. */
	char **exceptions;
	size_t exception_count;
};

/** What the builds are said to be. */
struct graft_check_options {
	/** Versions of the packages, as programs print them, or NULL. */
	const char *old_version;
	const char *new_version;
};

/** Free what a result owns, and make it empty. Also its guard. */
void
graft_check_result_deinit(struct graft_check_result *result);

/**
 * Check one module.
 *
 * @param[in] old_image The build that runs; borrowed, as is the rest.
 * @param[in] new_image The build that replaces it.
 * @param[in] module A `hotpatch` with all bytes of its runs; or an `identical`
 * one: are the two builds the same as they are?
 * @param[in] options Borrowed for the call.
 * @param[out] ret What was found; free with graft_check_result_deinit().
 * @return NULL, also where they differ: @ref graft_check_result::same says so.
 * #GRAFT_ERROR_BAD_INPUT if the hotpatch cannot be laid or was made from other
 * files; #GRAFT_ERROR_UNSUPPORTED for a file that is linked to a fixed address;
 * #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_check(const struct graft_image *old_image,
	    const struct graft_image *new_image,
	    const struct graft_patch_module *module,
	    const struct graft_check_options *options,
	    struct graft_check_result *ret);

#endif /* GRAFT_CHECK_CHECK_H */
