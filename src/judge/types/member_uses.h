// SPDX-License-Identifier: Apache-2.0

/** @file Which members of structs a function reads and sets, by their types. */

#ifndef GRAFT_JUDGE_TYPES_MEMBER_USES_H
#define GRAFT_JUDGE_TYPES_MEMBER_USES_H

#include "judge/case.h"
#include "judge/flow/op.h"

/** What a function does with one member that is a number or a pointer, in objects
 * that are not in its own frame. Names live as long as the types. */
struct graft_member_use {
	/** Name of the struct, or of the typedef of one that has none. */
	const char *type;
	const char *member;
	/** From the start of the struct, in bytes. */
	uint64_t off;
	/** Instructions that read it, set it (also by adding to it), take its address. */
	uint32_t loads;
	uint32_t stores;
	uint32_t takes;
	/** The last of those that read and of those that set. */
	uint64_t load_addr;
	uint64_t store_addr;
};

/** All of one function, in no order; one for each member. */
struct graft_member_uses {
	struct graft_member_use *list;
	size_t count;
	size_t cap;
};

/**
 * Collect what a function of either side does. Nothing where there are no types.
 *
 * @param[out] ret Free with graft_member_uses_deinit().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; what reading debug information returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_member_uses_read(const struct graft_case *c, const struct graft_ops *ops,
		       struct graft_member_uses *ret);

/** Find what is done with a member; NULL if nothing is. */
const struct graft_member_use *
graft_member_uses_find(const struct graft_member_uses *uses, const char *type,
		       uint64_t off);

/** Free a list, and zero it. Also its guard. */
void
graft_member_uses_deinit(struct graft_member_uses *uses);

#endif /* GRAFT_JUDGE_TYPES_MEMBER_USES_H */
