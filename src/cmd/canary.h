// SPDX-License-Identifier: Apache-2.0

/** @file Watch processes that were hotpatched before all others. */

#ifndef GRAFT_CMD_CANARY_H
#define GRAFT_CMD_CANARY_H

#include "cmd/outcome.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/** How a watch ended. */
enum graft_canary_end {
	/** All went on, to the end of the time. */
	GRAFT_CANARY_WELL,
	/** One ended, or executed another program; its outcome says so. */
	GRAFT_CANARY_ENDED,
	/** We are to end: SIGINT, SIGTERM or SIGHUP came. */
	GRAFT_CANARY_INTERRUPTED,
};

/**
 * Watch those that were done.
 *
 * @param[in,out] outcomes One that ended gets an error.
 * @param[in] length_us How long.
 * @param[out] why For whom the others are taken back, as the end of a sentence,
 * where one ended.
 * @param[in] size Bytes of @p why, at least 64.
 * @param[out] signal_ret The signal that came, where one did; it is not acted on.
 */
enum graft_canary_end
graft_canary_watch(struct graft_outcomes *outcomes, uint64_t length_us,
		   char *why, size_t size, int *signal_ret);

#endif /* GRAFT_CMD_CANARY_H */
