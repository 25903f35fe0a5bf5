// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * How often a function makes and ends objects, by which pair of functions.
 *
 * A *family* is what goes together: malloc, calloc and strdup with free; mmap
 * with munmap; fopen with fclose, and open with close; `new` with `delete`;
 * png_malloc with png_free. What a function of
 * the module calls is counted as its own, so that it says nothing whether
 * something was inlined, split or wrapped.
 */

#ifndef GRAFT_JUDGE_CALLS_H
#define GRAFT_JUDGE_CALLS_H

#include "base/error.h"
#include "diff/code/code.h"

#include <stdbool.h>

enum {
	/** Families that are told apart in one module. */
	GRAFT_FAMILIES_MAX = 48,
};

/** Part of an object's life. */
enum graft_calls_role {
	GRAFT_CALLS_NEITHER,
	GRAFT_CALLS_MAKE,
	GRAFT_CALLS_END,
};

/** What an import is. */
struct graft_calls_kind {
	enum graft_calls_role role;
	/** Name of the family, @ref len bytes; not terminated. */
	const char *family;
	size_t len;
	/** What is made is a stream, a descriptor or the like, not memory. */
	bool handle;
};

/** Tell what a function does by its name. */
struct graft_calls_kind
graft_calls_kind_of(const char *name);

/** Names of families. Zeroed at the start; both sides of a case share one. */
struct graft_families {
	struct graft_calls_kind list[GRAFT_FAMILIES_MAX];
	size_t count;
};

/** Calls of one function, those of what it calls too. */
struct graft_calls {
	/** By the family's index. */
	uint32_t makes[GRAFT_FAMILIES_MAX];
	uint32_t ends[GRAFT_FAMILIES_MAX];
	/** All others. */
	uint32_t others;
};

/**
 * Count the calls of a function with all its parts.
 *
 * @param[in] deep Count what functions call that both builds have, too; not only
 * those that one of them has.
 * @param[in,out] families New ones are added.
 * @param[in] is_known Each function: it has a counterpart. Calls of others are
 * followed without limit.
 * @param[out] ret What was counted.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_calls_count(const struct graft_code *code, uint32_t func, bool deep,
		  const bool *is_known, struct graft_families *families,
		  struct graft_calls *ret);

#endif /* GRAFT_JUDGE_CALLS_H */
