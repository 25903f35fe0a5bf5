// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What the writer and the reader of `.graft.map` share. Inside patch/ only.
 */

#ifndef GRAFT_PATCH_MAP_COMMON_H
#define GRAFT_PATCH_MAP_COMMON_H

#include "patch/patch.h"

#include <inttypes.h>
#include <stdio.h>

enum {
	/** "sub_", 16 digits and a NUL. */
	MAP_SUB_LEN = 21,

	// Low bits of the room of a redirect.
	/** OLD starts with `endbr64`. */
	MAP_SKIP = 1,
	/** NEW holds the same bytes where OLD's are overwritten. */
	MAP_SAME = 2,
	/**
	 * In place of a room, which is never 0: the jump stands behind the first
	 * instruction, whose length follows, and then the room.
	 */
	MAP_BEHIND = 3,

	// How the name of a redirect is given.
	MAP_NAME_CARRIED = 0,
	MAP_NAME_SUB = 1,
	/** Plus the length of the name that follows: at least 2. */
	MAP_NAME_LEN = 1,

	// Code of a fix: its kind, less #GRAFT_FIX_ABS64_OLD, or this plus the
	// index of the value of a #GRAFT_FIX_REL32_OLD.
	MAP_KINDS = 3,
	MAP_REL = 3,

	// Flags of imports and old slots.
	/** Weak, or lazy. */
	MAP_FLAG = 1,
	MAP_VERSION = 2,
	MAP_SYMBOL = 4,
};

/** Where a carried piece starts, to find it by address. */
struct map_start {
	uint64_t addr;
	size_t index;
};

/** What the next redirect is written relative to. */
struct map_state {
	/** End of the redirect before. */
	uint64_t old_addr;
	/** Index of the carried piece behind the last one that was named. */
	uint64_t piece;
};

/** Write the name of a function that has none. */
static inline void
graft_map_sub(uint64_t old_addr, char ret[MAP_SUB_LEN])
{
	(void)snprintf(ret, MAP_SUB_LEN, "sub_%" PRIx64, old_addr);
}

/** Get the #GRAFT_JUMP_SIZE carried bytes at an address, or NULL. */
static inline const uint8_t *
graft_map_code(const struct graft_patch_module *m, uint64_t addr)
{
	return graft_patch_module_bytes(m, addr, GRAFT_JUMP_SIZE);
}

/** Count the fixes that stand at the end of a map. */
static inline size_t
graft_map_count_low(const struct graft_patch_module *m)
{
	size_t count = 0;

	for (size_t i = 0; i < m->fix_count; i++)
		count += graft_fix_is_low(m->fixes[i].kind);
	return count;
}

#endif /* GRAFT_PATCH_MAP_COMMON_H */
