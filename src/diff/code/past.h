// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Addresses one past the end of an object, told by the flow of data.
 *
 * `p < arr + 16` compiles to the address of whatever follows `arr`: an address with
 * two possible owners. It belongs to `arr` if code compares it with nothing but what
 * began at `arr` and was moved on. Registers are followed along every way through a
 * function; where that cannot be done nothing is said.
 */

#ifndef GRAFT_DIFF_PAST_H
#define GRAFT_DIFF_PAST_H

#include "diff/code/code.h"

/**
 * Find the ends of writable objects that code walks over: sets
 * graft_ref::end_of.
 *
 * @param[in,out] code With functions, instructions, references and groups.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_past_find(struct graft_code *code);

/**
 * Say whether two references are both the end of a walk, as far behind where it
 * starts, or both the end of `.data` where start files take it.
 */
bool
graft_past_same(const struct graft_ref *old_ref,
		const struct graft_ref *new_ref);

/**
 * Say whether code reads or writes right at or behind an address that it takes, or
 * hands it to what locks: then it is no end of what stands before it. What is
 * reached by going back from there says nothing.
 *
 * @param[in] func Index of the function that holds the reference.
 * @param[in] ref Index of the reference, an _ADDRESS.
 * @param[in] before Size of what stands before it. An access with an index, which
 * may be negative, counts if it is wider than that.
 * @param[out] ret The answer.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_past_is_start(const struct graft_code *code, uint32_t func, uint32_t ref,
		    uint64_t before, bool *ret);

#endif /* GRAFT_DIFF_PAST_H */
