// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * How often something was done for whom, of late: so that nobody has it done too often.
 *
 * Of more than there is room for the oldest is forgotten, and begins anew.
 */

#ifndef GRAFT_AGENT_OFTEN_H
#define GRAFT_AGENT_OFTEN_H

#include <stdbool.h>
#include <stdint.h>

enum {
	/** Whose counts are kept. */
	GRAFT_OFTEN_ROOM = 64,
};

/** One of them. Zeroed: nobody. */
struct graft_often_count {
	uint32_t who;
	unsigned count;
	/** When it began to count; 0: nobody. */
	uint64_t since_us;
};

/** All of them. Zeroed: none, and nothing is allowed. */
struct graft_often {
	/** How often within how long. */
	unsigned most;
	uint64_t within_us;
	struct graft_often_count counts[GRAFT_OFTEN_ROOM];
};

/**
 * Count more of it, unless it was done as often as it may be.
 *
 * @param[in] more How much more; it may get to be more than is allowed by that.
 * @param[in] now_us Monotonic, not 0.
 * @return false: nothing is counted.
 */
bool
graft_often_take(struct graft_often *often, uint32_t who, unsigned more,
		 uint64_t now_us);

#endif /* GRAFT_AGENT_OFTEN_H */
