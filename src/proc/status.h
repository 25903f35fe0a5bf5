// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What /proc says of a process as a whole: who it is, what it may do.
 *
 * Nothing here needs the right to trace the process, but for the limits of
 * somebody else's process.
 *
 * Memory-deny-write-execute (PR_SET_MDWE) is not here: the kernel has no file
 * that shows it, and prctl(2) reads only its caller's. It is found by asking
 * inside the target (PR_GET_MDWE, 66) with graft_target_syscalls().
 */

#ifndef GRAFT_PROC_STATUS_H
#define GRAFT_PROC_STATUS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** One moment of a process or thread. */
struct graft_proc_status {
	/** "comm", cut to 15 bytes by the kernel; control characters as '?'. */
	char comm[16];
	/** State letter of proc(5): R, S, D, T, t, Z, X, I. */
	char state;
	/** Thread group. */
	pid_t tgid;
	/** Who started it, or adopted it; 0: nobody that we see. */
	pid_t parent;
	/** As setsid(2) made it; 0: of none that we see. */
	pid_t session;
	/** Who traces it, or 0. */
	pid_t tracer;
	/** Effective user. */
	uid_t uid;
	size_t threads;
	/** Seccomp mode: 0 none, 1 strict, 2 filter. */
	int seccomp;
	/** Number of seccomp filters; 0 on kernels that do not say. */
	size_t seccomp_filters;
	bool no_new_privs;
	/** Kernel thread: no memory of its own. */
	bool kernel;
	/** Made by the kernel in a process for io_uring(7) or vhost: it is listed among
	 * its threads, and never runs its code. */
	bool worker;
	/** User-space shadow stacks are on (x86_Thread_features: shstk). */
	bool shadow_stack;
	/** Start in clock ticks since boot (proc(5), field 22). */
	uint64_t start_ticks;
	/** Size of the address space in bytes; 0 if it has none (any more). */
	uint64_t vm_size;
	/** Locked memory in bytes. */
	uint64_t vm_locked;
	/** Soft RLIMIT_AS in bytes; UINT64_MAX if there is none. */
	uint64_t limit_as;
	/** Soft RLIMIT_MEMLOCK in bytes; UINT64_MAX if there is none. */
	uint64_t limit_memlock;
	/** The limits were read (they need the right to trace). */
	bool has_limits;
};

/**
 * Read the state of a process or thread, without its limits.
 *
 * @param[in] pid Process, or thread id.
 * @param[out] ret Filled.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_BAD_INPUT if the kernel
 * writes what we do not understand.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_proc_status_read(pid_t pid, struct graft_proc_status *ret);

/**
 * Read what /proc/PID/stat says: name, state, when it started, and whether it is the
 * kernel's. A third of the time of graft_proc_status_read().
 *
 * @return As graft_proc_status_read().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_proc_stat_read(pid_t pid, struct graft_proc_status *ret);

/**
 * As graft_proc_status_read(), without what only /proc/PID/stat says: when it started,
 * and whether it is the kernel's. Half of the time.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_proc_status_glance(pid_t pid, struct graft_proc_status *ret);

/**
 * Read the limits of a process, which few ask for.
 *
 * @param[in,out] status Its limits are set, and whether they could be read.
 */
void
graft_proc_limits_read(pid_t pid, struct graft_proc_status *status);

/**
 * Parse the text of a stat file: state, flags and start time.
 *
 * The name in it may contain anything, parentheses and newlines too.
 *
 * @param[in] text Ends with NUL.
 * @param[in,out] status Its state, parent, session, kernel, worker and start_ticks are
 * set.
 * @return false if it is not such a text; @p status is then undefined.
 */
bool
graft_proc_stat_parse(const char *text, struct graft_proc_status *status);

/**
 * Parse the text of a status file: all that stands there.
 *
 * @param[in] text Ends with NUL.
 * @param[in,out] status Its fields but kernel, worker, start_ticks and limits are set;
 * those whose lines are missing keep their values.
 */
void
graft_proc_status_parse(const char *text, struct graft_proc_status *status);

/**
 * Find a thread of a process that still has memory: the leader, or another if
 * the leader ended with pthread_exit(3).
 *
 * @return Its tid; 0 if there is none.
 */
pid_t
graft_proc_live_tid(pid_t pid);

/**
 * Read a small file of /proc whole.
 *
 * @param[out] buf Gets the text and a NUL behind it.
 * @param[in] size Bytes at @p buf; what does not fit is cut.
 * @param[in] fmt Path; printf-style.
 * @return Number of bytes without the NUL, or -errno.
 */
GRAFT_PRINTF(3)
ssize_t
graft_proc_slurp(char *buf, size_t size, const char *fmt, ...);

#endif /* GRAFT_PROC_STATUS_H */
