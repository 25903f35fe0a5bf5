// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A thread in which the dynamic linker loads a library. For the files of this folder only.
 *
 * The dynamic linker opens the file, maps it, does so with what it needs, and then writes
 * the addresses into all of them (relocation). Behind that it makes the part of each that is never
 * written again read-only (PT_GNU_RELRO): by this it is seen how far it is, whichever linker
 * it is, and without a word of its own. Only then constructors run, and the program.
 */

#ifndef GRAFT_PROC_LOADING_H
#define GRAFT_PROC_LOADING_H

#include "proc/maps.h"
#include "proc/tracee.h"

/** The dynamic linker of a process. */
struct graft_loading {
	/** Where it is mapped. */
	uint64_t linker;
};

/**
 * Say whether a thread waits in an open(2) that the dynamic linker makes. Nothing of it
 * is touched, and none of its files: no lock of execve(2) is waited for.
 *
 * @param[in] pid Its process.
 * @param[in] tid The thread.
 * @param[out] ret Filled if so.
 * @return false: it does something else, an execve(2) too, or it cannot be told.
 */
bool
graft_loading_is_opening(pid_t pid, pid_t tid, struct graft_loading *ret);

/**
 * Say whether all that a process maps is relocated.
 *
 * @param[in] maps Its mappings, just read.
 * @param[out] ret It is.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_loading_is_done(struct graft_target *target,
		      const struct graft_loading *loading,
		      const struct graft_maps *maps, bool *ret);

/**
 * Let a thread that opens a library go on, from system call to system call, until all
 * that is mapped is relocated. A tick must run.
 *
 * @param[in] index The thread: asked to stop, or stopped, behind its open.
 * @param[in] deadline_ns As graft_tracee_now_ns().
 * @return true: it stands at the exit of a system call of the dynamic linker. false: it
 * does something else, or the time is over; it may run.
 */
bool
graft_loading_lead(struct graft_target *target, size_t index,
		   const struct graft_loading *loading, uint64_t deadline_ns);

#endif /* GRAFT_PROC_LOADING_H */
