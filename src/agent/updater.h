// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The updater of graftd: it runs `graft update` from time to time, and `graft restart go` while an
 * update waits for its restart.
 *
 * It is a process of its own, with all rights that graftd was started with: graft gives packages to
 * dpkg, whose maintainer scripts may need any. It listens to nobody. What it must know after a
 * restart it asks graft.
 */

#ifndef GRAFT_AGENT_UPDATER_H
#define GRAFT_AGENT_UPDATER_H

#include "agent/config.h"
#include "base/error.h"

#include <stdbool.h>

/** What an updater is given. All borrowed. */
struct graft_updater_options {
	const struct graft_config *config;
	/** Of the configuration; graft reads it, too. */
	const char *path;
	const char *state_dir;
	/** Path of graft. */
	const char *tool;
	/** As for graft_journal_put(). */
	bool journal;
};

/** Work until a signal ends the process. @return Why it cannot. */
GRAFT_MUST_CHECK struct graft_error *
graft_updater_run(const struct graft_updater_options *options);

#endif /* GRAFT_AGENT_UPDATER_H */
