// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What the kernel tells of processes that start and end: its process connector, over
 * netlink(7). Only in the first PID namespace of a host, and with CAP_NET_ADMIN.
 *
 * A filter in the kernel drops all but what is asked for: programs that are executed, and
 * processes that die by a signal. A host that forks much does not wake us.
 */

#ifndef GRAFT_AGENT_CONNECTOR_H
#define GRAFT_AGENT_CONNECTOR_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** What is told of. */
struct graft_connector_event {
	pid_t pid;
	/** 0: it executes a program; else the signal by which it dies. */
	int signal;
	/** Of one that dies. */
	pid_t parent;
};

/** Told of an event. */
typedef void
graft_connector_fn(void *arg, const struct graft_connector_event *event);

/**
 * Begin to be told.
 *
 * @param[out] fd_ret Descriptor that can be read when something happened; the caller closes
 * it.
 * @return NULL; #GRAFT_ERROR_UNSUPPORTED if the kernel does not answer;
 * #GRAFT_ERROR_NOT_PERMITTED; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_connector_open(int *fd_ret);

/**
 * Take what has come.
 *
 * @param[in] fn Told of each.
 * @param[out] lost_ret Some were lost.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_connector_take(int fd, graft_connector_fn *fn, void *arg, bool *lost_ret);

/**
 * Decode one packet.
 *
 * @param[in] bytes As the kernel sent them, @p len of them.
 * @param[out] ret Filled, if true is returned.
 * @param[out] answer_ret It is the answer to who asked with this number; 0: it is none.
 * @return It tells of something that is asked for.
 */
bool
graft_connector_decode(const void *bytes, size_t len,
		       struct graft_connector_event *ret, uint32_t *answer_ret);

#endif /* GRAFT_AGENT_CONNECTOR_H */
