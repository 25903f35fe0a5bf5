// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What graftd tells of updates: `graft update` and the updater leave it in the state directory.
 *
 *     STATE/update/last.json   what the last look for releases came to
 *     STATE/update/next        when the updater looks next, as Unix time in seconds
 *     STATE/update/not-before  until when a server asked to be left alone; Unix time in seconds
 *     STATE/device.conf        the level that this device has
 *     STATE/restart/record     it is there while an update waits for a restart
 */

#ifndef GRAFT_AGENT_UPDATES_H
#define GRAFT_AGENT_UPDATES_H

#include "agent/state.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/** What was read last. All zeroes: nothing was. */
struct graft_updates {
	/** Of the file with the last look: if it is the same one, it is not read again. */
	struct stat seen;
};

/**
 * Read it. What is not there, or damaged, is 0.
 *
 * @param[in] updates That it was read before counts.
 * @param[in,out] state Gets its numbers that begin with `update_`.
 */
void
graft_updates_read(struct graft_updates *updates, const char *state_dir,
		   struct graft_agent_state *state);

/**
 * Write down when the updater looks next.
 *
 * @param[in] at Unix time in seconds; 0: it does not.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_updates_write_next(const char *state_dir, uint64_t at);

/** Read until when a server asked to be left alone, as Unix time in seconds; 0: none did. */
uint64_t
graft_updates_read_not_before(const char *state_dir);

/**
 * Write that down.
 *
 * @param[in] at Unix time in seconds; 0: none asks for it any more.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_updates_write_not_before(const char *state_dir, uint64_t at);

#endif /* GRAFT_AGENT_UPDATES_H */
