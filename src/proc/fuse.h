// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What ends us when a look at the memory of a stopped process does not come back.
 *
 * A page may be made by the process itself, when it is asked for (userfaultfd(2), a file
 * system of its own). If its threads stand still nobody makes it, and the kernel lets who
 * waits for it out by a deadly signal only. So one is set for the time: its death lets the
 * threads of the process go, which then were looked at only.
 *
 * In a guardian only (proc/guardian.h), whose parent is told what it died of.
 */

#ifndef GRAFT_PROC_FUSE_H
#define GRAFT_PROC_FUSE_H

#include <stdbool.h>
#include <time.h>

enum {
	/** How long a look may take: ten times what 1 GiB takes. */
	GRAFT_FUSE_S = 4,
};

/** A fuse that burns. All zero: none. */
struct graft_fuse {
	timer_t timer;
	bool burns;
};

/** The signal that it sends. */
int
graft_fuse_signal(void);

/** Light it. Where the kernel has no timer for us it does not burn. */
void
graft_fuse_begin(struct graft_fuse *fuse);

/** Put it out. All zero is a no-op. */
void
graft_fuse_end(struct graft_fuse *fuse);

#endif /* GRAFT_PROC_FUSE_H */
