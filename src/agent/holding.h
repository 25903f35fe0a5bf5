// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What the worker and the holder say to each other. The holder is a third process of graftd:
 * it answers the kernel, which asks before an old file is opened, and has who loads
 * one put to sleep until the worker has hotpatched it (docs/decisions/before-main.md).
 *
 * A message is one packet of a socket pair, with these bytes and nothing else; with
 * #GRAFT_HOLDING_MARK comes a descriptor.
 */

#ifndef GRAFT_AGENT_HOLDING_H
#define GRAFT_AGENT_HOLDING_H

#include "agent/scope.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum {
	/** Processes that are held at once; others go on. */
	GRAFT_HOLDING_MAX = 16,
	/** How urgent all is that somebody waits for: setpriority(2). */
	GRAFT_HOLDING_NICE = -20,
	/** How long the kernel waits for an answer at most: then the open goes on. */
	GRAFT_HOLDING_ANSWER_US = 50 * 1000,
	/** From the answer until it has loaded all; it runs all the while. */
	GRAFT_HOLDING_LEAD_US = 500 * 1000,
	/** How long it then sleeps at most. */
	GRAFT_HOLDING_SLEEP_US = 200 * 1000,
	/** The kernel kills a holder that does not come round for so long, and
	 * who works for it after so long; it then lets all go on. */
	GRAFT_HOLDING_LIFE_US = 1000 * 1000,
};

/** What a message says. */
enum graft_holding_kind {
	/** To the holder: hold who loads the file that comes with it. */
	GRAFT_HOLDING_MARK = 1,
	/** Hold nobody any more, until files are marked anew. */
	GRAFT_HOLDING_FLUSH,
	/** A process may go on. */
	GRAFT_HOLDING_DONE,
	/** From the holder: a process is traced while it loads; it sleeps. */
	GRAFT_HOLDING_LOADS,
	GRAFT_HOLDING_SLEEPS,
};

/** A message. */
struct graft_holding {
	uint32_t kind;
	/** Of all but MARK and FLUSH. */
	int32_t pid;
};

/** What the holder needs. All borrowed. */
struct graft_holder_options {
	const struct graft_agent_scope *scope;
	/** Path of graft: its runs are held by nobody. */
	const char *tool;
	/** The holder's end. */
	int fd;
	/** Who started it: if that ends, so does it. */
	pid_t worker;
};

/**
 * Send a message without waiting.
 *
 * @param[in] file Comes with it; -1: none.
 * @return false: the other side does not keep up, or has ended.
 */
bool
graft_holding_send(int fd, const struct graft_holding *message, int file);

/**
 * Take a message, if there is one.
 *
 * @param[out] file_ret What came with it, to be closed; -1: nothing.
 * @param[out] ended_ret The other side has ended, or sent what is none.
 * @return There was one.
 */
bool
graft_holding_take(int fd, struct graft_holding *ret, int *file_ret,
		   bool *ended_ret);

/**
 * Make a timer by which the kernel kills this process, not armed yet.
 *
 * @return false: there is none.
 */
bool
graft_holding_make_timer(timer_t *ret);

/** Be killed in #GRAFT_HOLDING_LIFE_US, counted from now on; or not. */
void
graft_holding_set_timer(timer_t timer, bool armed);

/**
 * Be the holder, until the worker ends.
 *
 * Never waits for a process or for the worker: what it asks of others has an end that the
 * kernel keeps, and a timer of the kernel kills it if it does not come round.
 *
 * @return An exit status.
 */
int
graft_holder_run(const struct graft_holder_options *options);

/**
 * Be the usher of one thread, which waits in an open: have it sleep once it has loaded all,
 * and wake it when told to. Does not return.
 *
 * @param[in] fd To the holder: says 'S' when the open may go on, 'P' when it sleeps; what
 * comes back, and its end, wake it. No other descriptor that matters is open.
 */
_Noreturn void
graft_usher_run(int fd, pid_t pid, pid_t tid);

#endif /* GRAFT_AGENT_HOLDING_H */
