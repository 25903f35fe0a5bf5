// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which processes of a host share their memory, looked at once for many of them.
 *
 * Memory is shared by being born into it (clone(2) with CLONE_VM), never later. So
 * of those that shared nothing with anybody at a moment, each can only share since
 * then with somebody who was born since then; and those have numbers that were
 * given out since then. To ask about one of a thousand processes is then to look
 * at a few numbers instead of a thousand. Which of these have ended is seen once for
 * many processes: who has ended does not come back.
 *
 * That numbers were not given out twice meanwhile is known from looking often:
 * graft_sharers_keep() is called before each process that is worked on.
 */

#ifndef GRAFT_PROC_SHARERS_H
#define GRAFT_PROC_SHARERS_H

#include "base/cleanup.h"
#include "base/error.h"
#include "proc/list_from.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** What was seen of a host. Zeroes: nothing yet. */
struct graft_sharers {
	/** Those that share memory with nobody, ascending. Owned. */
	pid_t *alone;
	size_t count;
	/** All that were compared with each of those, ascending. They differ from them
	 * for ever: nobody comes to share memory later. Owned. */
	pid_t *compared;
	size_t compared_count;
	/** Those that were born since and lived when anybody asked last. Owned. */
	pid_t *young;
	size_t young_count;
	size_t young_room;
	/** Up to this number each is one of #compared or #young, or ended. */
	pid_t settled;
	/** The number that was given out last before they were looked at. */
	pid_t last;
	/** One above the highest number. */
	pid_t end;
	/** The same when graft_sharers_keep() was asked last: a child that is born
	 * then has a higher one. */
	pid_t kept;
	/** The same when anybody looked last, and when. */
	pid_t seen;
	uint64_t seen_us;
	/** The file that tells the number is open as this descriptor. */
	bool open;
	int fd;
	/** The list of processes, which is read from a number on. */
	struct graft_list_from list;
};

/** Free what was seen. Zeroes are a no-op. */
void
graft_sharers_deinit(struct graft_sharers *sharers);

/**
 * Look at the host, unless what was seen before still says enough.
 *
 * @param[in,out] sharers What was seen. Where nothing can be seen (no kcmp(2)),
 * it says of nobody that he is alone.
 * @return NULL; #GRAFT_ERROR_OS; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sharers_keep(struct graft_sharers *sharers);

/**
 * Look at the number that was given out last, and nothing else: what was seen of the
 * host goes on to be known for some time. Called between things that take long.
 */
void
graft_sharers_note(struct graft_sharers *sharers);

/**
 * Take what a child that asked saw by graft_sharers_is_alone(): it looked at the numbers
 * in our place.
 *
 * @param[in] seen Its graft_sharers::seen.
 * @param[in] seen_us Its graft_sharers::seen_us.
 */
void
graft_sharers_learn(struct graft_sharers *sharers, pid_t seen,
		    uint64_t seen_us);

/**
 * Say whether a process is known to share its memory with nobody.
 *
 * Only a child of who called graft_sharers_keep(), born after it, may ask: its own
 * number shows that those which it reads are the ones that the kernel gives out.
 *
 * @param[in,out] sharers What was seen; that it was looked again is noted, so that who
 * asks often enough may ask for long.
 * @param[in] pid Process; its first thread lives.
 * @return false: it shares, or it is not known.
 */
bool
graft_sharers_is_alone(struct graft_sharers *sharers, pid_t pid);

#endif /* GRAFT_PROC_SHARERS_H */
