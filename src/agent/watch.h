// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Processes that were hotpatched a short time ago: do they crash?
 *
 * Each is held by a descriptor of itself (pidfd_open(2)), so that no other process that
 * gets its number is taken for it. What it died of is read of the zombie that it leaves,
 * asked of its descriptor (kernels from 6.15), or known from the process connector,
 * whichever comes first.
 */

#ifndef GRAFT_AGENT_WATCH_H
#define GRAFT_AGENT_WATCH_H

#include "base/cleanup.h"
#include "base/error.h"
#include "ledger/quarantine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	/** Hotpatches of one process within the time. */
	GRAFT_WATCH_IDS = 8,
	/** It is not known what a process died of. */
	GRAFT_WATCH_UNKNOWN = -1,
};

/** Processes that are watched. */
struct graft_watch;

/** One of them. */
struct graft_watch_process {
	pid_t pid;
	uint64_t start_ticks;
	char comm[16];
	/** Whose it was when it was first watched, and if that was root, whose it was
	 * later: graft_owner_read(). */
	uid_t owner;
	/** The hotpatches that it got. */
	char ids[GRAFT_WATCH_IDS][GRAFT_QUARANTINE_ID_LEN + 1];
	size_t id_count;
};

/**
 * Told of a process that has ended.
 *
 * @param[in] signal By which; 0: it ended by itself; #GRAFT_WATCH_UNKNOWN.
 */
typedef void
graft_watch_fn(void *arg, const struct graft_watch_process *process,
	       int signal);

/**
 * Make one that watches nobody. This process may have more descriptors from then on, if its
 * limit can be raised.
 *
 * @param[out] ret New; free with graft_watch_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_watch_new(struct graft_watch **ret);

/** Free it. NULL is a no-op. */
void
graft_watch_free(struct graft_watch *watch);
GRAFT_DEFINE_CLEANUP(struct graft_watch, graft_watch_free)

/** Get the descriptor that can be read when one has ended. */
int
graft_watch_fd(const struct graft_watch *watch);

/** Get how many are watched. */
size_t
graft_watch_count(const struct graft_watch *watch);

/**
 * Watch a process.
 *
 * @param[in] pid Who.
 * @param[in] start_ticks As graft_proc_status::start_ticks: if it is another by now, it
 * is left out.
 * @param[in] id The hotpatch that it got; NULL: it may get one.
 * @param[in] until_us On graft_clock_monotonic_us(); the latest counts.
 * @return NULL, also if it has ended or there are too many; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_watch_add(struct graft_watch *watch, pid_t pid, uint64_t start_ticks,
		const char *id, uint64_t until_us);

/** Find one, or NULL. */
const struct graft_watch_process *
graft_watch_find(const struct graft_watch *watch, pid_t pid);

/** Note by which signal one dies, as the kernel told, and whose it is by now. */
void
graft_watch_note_signal(struct graft_watch *watch, pid_t pid, int signal);

/** Note that a process gets nothing more: what it got by now counts, and whose it is. */
void
graft_watch_settle(struct graft_watch *watch, pid_t pid);

/** Forget those whose time is over. */
void
graft_watch_expire(struct graft_watch *watch, uint64_t now_us);

/** Take those that have ended; they are forgotten afterwards. */
void
graft_watch_take(struct graft_watch *watch, graft_watch_fn *fn, void *arg);

/** Say whether a signal means that a process crashed. */
bool
graft_watch_is_crash(int signal);

#endif /* GRAFT_AGENT_WATCH_H */
