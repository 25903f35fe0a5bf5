// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The front of graftd: it has no rights, and talks to the world. Over its socket who
 * may ask gets status and metrics, and root may have things done; the journal and the
 * service manager hear of it from here.
 */

#ifndef GRAFT_AGENT_FRONT_H
#define GRAFT_AGENT_FRONT_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** What a front is given. Its descriptors are borrowed. */
struct graft_front_options {
	/** Listening, and not waiting. */
	int listen_fd;
	/** The worker's socket. */
	int worker_fd;
	/** Members may ask for what changes nothing; (gid_t)-1: nobody but root. */
	gid_t group;
	/** The journal listens. */
	bool journal;
	/** How long the service manager waits for a sign of life; 0: it does not. */
	uint64_t watchdog_us;
};

/**
 * Serve until the worker has ended.
 *
 * @return #GRAFT_ERROR_OS with EPIPE when it has; another error of ours.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_front_run(const struct graft_front_options *options);

/**
 * Make the socket of the front.
 *
 * @param[in] path Its folder is made if need be; what is left of an earlier one is removed.
 * @param[in] group Its group; (gid_t)-1: root alone.
 * @param[out] fd_ret The caller closes it.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if something else is there.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_front_listen(const char *path, gid_t group, int *fd_ret);

#endif /* GRAFT_AGENT_FRONT_H */
