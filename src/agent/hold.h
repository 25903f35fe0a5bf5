// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The worker's side of the holder (agent/holding.h): it is started, told which files, and
 * started anew when it ended, each time later.
 */

#ifndef GRAFT_AGENT_HOLD_H
#define GRAFT_AGENT_HOLD_H

#include "agent/scope.h"
#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** The holder. */
struct graft_hold;

/**
 * Told of a process that is held.
 *
 * @param[in] sleeps Until graft_hold_done(); false: it loads, and is traced.
 */
typedef void
graft_hold_fn(void *arg, pid_t pid, bool sleeps);

/**
 * Start the holder.
 *
 * @param[in] scope Who may be held. Borrowed for as long as it lives.
 * @param[in] tool Path of graft. Borrowed for as long as it lives.
 * @param[out] ret New; free with graft_hold_free().
 * @return NULL; #GRAFT_ERROR_OS where the kernel does not ask before a file is opened, or
 * our rights do not suffice.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_hold_new(const struct graft_agent_scope *scope, const char *tool,
	       struct graft_hold **ret);

/** End it: who sleeps goes on. NULL is a no-op. */
void
graft_hold_free(struct graft_hold *hold);
GRAFT_DEFINE_CLEANUP(struct graft_hold, graft_hold_free)

/** Get the descriptor that can be read when it has said something; -1: it has ended. */
int
graft_hold_fd(const struct graft_hold *hold);

/** Get when it is to be started anew, monotonic; UINT64_MAX: it runs. */
uint64_t
graft_hold_due_us(const struct graft_hold *hold);

/**
 * Hold who loads a file; once more does nothing. Files of which somebody else than
 * root and the kernel decides how they are opened (those of other users, FUSE, the network,
 * mounts that a user made) are left out: the holder opens what it is asked about.
 *
 * @param[in] fd Borrowed.
 * @param[in] tid A thread that maps it.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_hold_mark(struct graft_hold *hold, int fd, pid_t tid);

/**
 * Hold who loads a file again, that was marked before the holder was started anew, or told
 * to hold nobody. Any other is left.
 *
 * @param[in] fd Borrowed.
 */
void
graft_hold_mark_again(struct graft_hold *hold, int fd);

/** Hold nobody any more, until files are marked anew. */
void
graft_hold_flush(struct graft_hold *hold);

/** Let a process go on. */
void
graft_hold_done(struct graft_hold *hold, pid_t pid);

/**
 * Take what it says, and start it anew when that is due.
 *
 * @param[in] fn Told of each process.
 * @param[out] ended_ret It has ended just now, and is to be started anew.
 * @param[out] begun_ret It was started anew just now: files are to be marked anew.
 */
void
graft_hold_take(struct graft_hold *hold, graft_hold_fn *fn, void *arg,
		bool *ended_ret, bool *begun_ret);

#endif /* GRAFT_AGENT_HOLD_H */
