// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where a hotpatch is in a process: children of one process have it at the same place.
 *
 * To know it of one saves others the look at all that they map. That it is not at that
 * place says nothing.
 */

#ifndef GRAFT_PLAN_HOLD_H
#define GRAFT_PLAN_HOLD_H

#include "plan/header.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** The place of a header page and of one of its jumps. Zeroes: none is known. */
struct graft_hold {
	uint64_t addr;
	uint64_t len;
	char id[GRAFT_PATCH_ID_LEN + 1];
	uint64_t jump_addr;
	uint8_t jump[GRAFT_JUMP_SIZE];
};

/** Remember where a hotpatch is. One without a jump is not remembered. */
void
graft_hold_remember(struct graft_hold *hold, const struct graft_header *header);

/**
 * Say whether a process holds a hotpatch at the place that is known: its page says that it
 * is applied, and the jump is in.
 *
 * @param[in] id Of the hotpatch.
 * @return false: not there, or nothing is known, or it is not ours to see.
 */
bool
graft_hold_is_here(const struct graft_hold *hold, pid_t pid, const char *id);

#endif /* GRAFT_PLAN_HOLD_H */
