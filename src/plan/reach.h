// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What leads into a shadow whose jumps are out: the memory of one into which nothing
 * leads may be given back.
 *
 * Only a shadow that is code and nothing else, and whose code makes no address in it, is
 * known to be entered by its jumps alone. A pointer to a constant, to a new object or to
 * an added function may be anywhere: mangled in the C library's lists, in the kernel, in
 * another process; no search finds all of these (docs/decisions/giving-back.md).
 */

#ifndef GRAFT_PLAN_REACH_H
#define GRAFT_PLAN_REACH_H

#include "base/error.h"
#include "plan/header.h"
#include "proc/target.h"

#include <stddef.h>
#include <stdint.h>

/** What leads into a shadow, beside its jumps. The first that applies. */
enum graft_reach {
	GRAFT_REACH_JUMPS_ONLY,
	/** It has new objects, which hold what the program keeps. */
	GRAFT_REACH_OBJECTS,
	/** It has constants, whose addresses may be anywhere. */
	GRAFT_REACH_CONSTANTS,
	/** Its code makes an address in it: that of an added function. */
	GRAFT_REACH_ADDRESSES,
};

/** Say it as the end of a sentence, or NULL for #GRAFT_REACH_JUMPS_ONLY. Static. */
const char *
graft_reach_text(enum graft_reach reach);

/**
 * Look for addresses that code makes.
 *
 * Whatever may be an instruction that does so counts, wherever it begins.
 *
 * @param[in] code Bytes of the code.
 * @param[in] addr Where they stand.
 * @param[in] start First address of the shadow.
 * @param[in] end One past its last.
 */
bool
graft_reach_makes_address(const uint8_t *code, size_t len, uint64_t addr,
			  uint64_t start, uint64_t end);

/**
 * Find out what leads into a shadow.
 *
 * @param[in] target In any state.
 * @param[in] header Its shadow is mapped.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_reach_find(struct graft_target *target, const struct graft_header *header,
		 enum graft_reach *ret);

#endif /* GRAFT_PLAN_REACH_H */
