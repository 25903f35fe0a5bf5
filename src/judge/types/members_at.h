// SPDX-License-Identifier: Apache-2.0

/** @file What lies at a distance from the start of an object, by its type. */

#ifndef GRAFT_JUDGE_TYPES_MEMBERS_AT_H
#define GRAFT_JUDGE_TYPES_MEMBERS_AT_H

#include "elf/types.h"

/** What lies there. */
struct graft_member_at {
	/** A struct, a union or an array of larger things than bytes is there, or
	 * something that is in one. */
	bool in_aggregate;
	/** It is in a union: other things may be there, too. */
	bool several;
	/** There is one thing that is no struct, union or array; what follows is
	 * only set if so. */
	bool leaf;
	/** Its type and size, and how far behind its start the place is. */
	uint32_t type;
	uint64_t size;
	uint64_t off;
};

/**
 * Find what lies at a distance from where something points to.
 *
 * @param[in] type What is pointed to. Elements of the same type may follow it,
 * if that is no struct or union.
 * @param[in] off Bytes; any.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_type_member_at(struct graft_dwarf *dwarf, uint32_t type, int64_t off,
		     struct graft_member_at *ret);

/** Say whether a type, without what renames it, is a struct or union of which the
 * members are known. */
bool
graft_type_has_members(const struct graft_type *type);

#endif /* GRAFT_JUDGE_TYPES_MEMBERS_AT_H */
