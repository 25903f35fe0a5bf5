// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The worker of graftd: it looks at processes and runs graft for those that need
 * something. It has the rights that this takes, and talks to nobody but the front.
 *
 * What it must know after a restart is in the state directory: the ledger, the hotpatches
 * that are kept, the quarantine, and whether it is paused.
 */

#ifndef GRAFT_AGENT_WORKER_H
#define GRAFT_AGENT_WORKER_H

#include "agent/config.h"
#include "agent/scope.h"
#include "base/error.h"

#include <sys/types.h>

/** What a worker is given. All borrowed. */
struct graft_worker_options {
	const struct graft_config *config;
	const struct graft_agent_scope *scope;
	const char *state_dir;
	/** Path of graft. */
	const char *tool;
	/** The front's socket. */
	int front_fd;
	/** A child that is to live as long (agent/updater.h); -1: there is none. */
	pid_t updater;
};

/**
 * Work until a signal ends it (SIGTERM, SIGINT) or the front has ended.
 *
 * @return NULL: it was asked to end; #GRAFT_ERROR_OS with EPIPE: the front has ended; or the
 * updater has.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_worker_run(const struct graft_worker_options *options);

#endif /* GRAFT_AGENT_WORKER_H */
