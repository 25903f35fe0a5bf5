// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * One line on standard error that says how far a long work is. It appears after
 * a second, on terminals only, and is wiped out at the end.
 */

#ifndef GRAFT_CMD_PROGRESS_H
#define GRAFT_CMD_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A work in progress. */
struct graft_progress {
	uint64_t start_us;
	size_t total;
	bool terminal;
	bool shown;
};

/** Begin. @param[in] total How many steps there are. */
struct graft_progress
graft_progress_begin(size_t total);

/**
 * Say what comes next.
 *
 * @param[in] done Steps that are done.
 * @param[in] what What the next one is about; untrusted, the first 60 bytes are
 * shown.
 */
void
graft_progress_step(struct graft_progress *progress, size_t done,
		    const char *what);

/** Wipe the line out. Also the guard. */
void
graft_progress_end(struct graft_progress *progress);

#endif /* GRAFT_CMD_PROGRESS_H */
