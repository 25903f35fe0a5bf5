// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The definitions of one name that look different.
 *
 * Two units may mean two things by one name. Definitions are told apart by their
 * members, and by what the names that these lead to look like: two lists whose
 * elements have one name, but two layouts, are two. A unit that only declares an
 * element says nothing of it, and goes with any.
 */

#ifndef GRAFT_JUDGE_TYPES_LOOKS_H
#define GRAFT_JUDGE_TYPES_LOOKS_H

#include "elf/types.h"

enum {
	/** Definitions of one name that are told apart. */
	GRAFT_LOOKS_MAX = 16,
	/** Names that one leads to. */
	GRAFT_LOOK_AROUND_MAX = 32,
};

/** How one definition looks. */
struct graft_look {
	/** The first type that looks like this. */
	uint32_t type;
	/** Of its members. */
	uint64_t hash;
	/** What it leads to. */
	struct graft_look_around {
		const char *name;
		uint64_t hash;
	} around[GRAFT_LOOK_AROUND_MAX];
	size_t around_count;
};

/** The definitions of one name. */
struct graft_looks {
	struct graft_look list[GRAFT_LOOKS_MAX];
	size_t count;
	/** There are more than fit. */
	bool more;
};

/** Look at one type. */
GRAFT_MUST_CHECK struct graft_error *
graft_look_read(struct graft_dwarf *dwarf, uint32_t type,
		struct graft_look *ret);

/** Collect all definitions of a name and kind in one build. */
GRAFT_MUST_CHECK struct graft_error *
graft_looks_collect(struct graft_dwarf *dwarf, const char *name,
		    enum graft_type_kind kind, struct graft_looks *ret);

/** Find the first that looks like another one; @ref graft_looks::count if none
 * does. */
size_t
graft_looks_find(const struct graft_looks *looks,
		 const struct graft_look *look);

#endif /* GRAFT_JUDGE_TYPES_LOOKS_H */
