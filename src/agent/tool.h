// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A run of graft as a child of the worker: what is done to processes is done by it.
 *
 * A run is begun, stepped whenever its output can be read or a child has ended, and
 * over when both are at their end. Its guardian is left alone whatever happens here.
 */

#ifndef GRAFT_AGENT_TOOL_H
#define GRAFT_AGENT_TOOL_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** A run. Zeroed: none. */
struct graft_tool {
	bool running;
	pid_t pid;
	/** Where its output comes, without waiting; -1 at its end. */
	int fd;
	/** It has been waited for; what waitpid(2) said. */
	bool ended;
	int status;
	/** On graft_clock_monotonic_us(): then it is killed. */
	uint64_t end_us;
	struct graft_text out;
};

/**
 * Begin a run.
 *
 * @param[in] tool Not running.
 * @param[in] argv Ends with NULL; the first is the path of graft.
 * @param[in] state_dir Where its state directory is.
 * @param[in] limit_us Longest time that it has.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tool_start(struct graft_tool *tool, char *const *argv,
		 const char *state_dir, uint64_t limit_us);

/**
 * Take what it printed, and see whether it has ended.
 *
 * @return It is over: graft_tool::out is all that it printed.
 */
bool
graft_tool_step(struct graft_tool *tool);

/** Forget a run: one that goes on is left to itself. Also a guard. */
void
graft_tool_deinit(struct graft_tool *tool);

#endif /* GRAFT_AGENT_TOOL_H */
