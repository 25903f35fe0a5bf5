// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A running process that we may stop, read and write.
 *
 * Only this folder calls ptrace(2) and opens /proc. Addresses in the target are
 * `uint64_t` and named `addr`; a `void *` is always our own memory.
 *
 * A target is its pidfd and start time, not its number. It has these states, and
 * each call says which it needs:
 *
 *     RUNNING --attach()--> ATTACHED --stop()--> STOPPED --release()--> RUNNING
 *        ^                     |                    |
 *        '-----detach()--------'---- any call ------'--> GONE
 *
 * ATTACHED means seized with PTRACE_SEIZE: every thread runs, but for one that has a
 * signal: ptrace(2) holds it back until we hand the signal on, which every call on a
 * target does first. So nobody stays in this state for long. Every call may find
 * that the target exited; it then returns #GRAFT_ERROR_TARGET_GONE, and only
 * graft_target_close() is still allowed.
 *
 * A target belongs to one thread of ours: ptrace(2) ties the tracee to it.
 */

#ifndef GRAFT_PROC_TARGET_H
#define GRAFT_PROC_TARGET_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct graft_hints;
struct graft_maps;
struct graft_proc_status;
struct graft_vmas;

/** A process. */
struct graft_target;

enum {
	/** Bytes by which two runs of programs are told apart. */
	GRAFT_TARGET_RUN_SIZE = 16,
};

/** A thread of a stopped target. */
struct graft_thread {
	pid_t tid;
	/** Registers at the stop. Valid in state STOPPED. */
	struct user_regs_struct regs;
};

/**
 * Open a process. It keeps running and is not attached to.
 *
 * @param[in] pid Process (thread group leader) in our PID namespace.
 * @param[out] ret New target in state RUNNING; free with graft_target_close().
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED;
 * #GRAFT_ERROR_UNSUPPORTED (kernel thread, 32-bit process).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_open(pid_t pid, struct graft_target **ret);

/**
 * Take up a target in a child of who opened it. State RUNNING.
 *
 * A child inherits the descriptor that pins the process, so what was read of its number
 * and kind still holds of it. It inherits that of its memory too, which is used if the
 * process still has that memory, and else opened anew: it may have executed another
 * program, which graft_target_run() tells.
 *
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_take_up(struct graft_target *target);

/** Lay a target aside until a child takes it up: what pins the process stays open and,
 * where descriptors are not scarce, its memory. State RUNNING. */
void
graft_target_lay_aside(struct graft_target *target);

/**
 * Give a target hints of others, and let it add its own.
 *
 * @param[in,out] hints Borrowed until the target is closed; NULL: none.
 */
void
graft_target_set_hints(struct graft_target *target, struct graft_hints *hints);

/** Get the hints of a target, or NULL. */
struct graft_hints *
graft_target_hints(const struct graft_target *target);

/**
 * Let go of a process, in any state. A stopped target runs on.
 *
 * @param[in] target Target, or NULL for a no-op.
 */
void
graft_target_close(struct graft_target *target);
GRAFT_DEFINE_CLEANUP(struct graft_target, graft_target_close)

/** Get the process id. */
pid_t
graft_target_pid(const struct graft_target *target);

/** The descriptor that pins the process, borrowed; -1: there is none. */
int
graft_target_pidfd(const struct graft_target *target);

/** Get a thread that lived when the target was opened: the first one, if it did. */
pid_t
graft_target_tid(const struct graft_target *target);

/** Get the command name (/proc/PID/comm). Lives as long as the target. */
const char *
graft_target_comm(const struct graft_target *target);

/** Get the start time in clock ticks since boot (proc(5), field 22). */
uint64_t
graft_target_start_ticks(const struct graft_target *target);

/**
 * Read which program run this is: the 16 random bytes that the kernel gives each
 * execve(2) (AT_RANDOM, getauxval(3)). The process id and the start time stay the
 * same when a process executes anew; these bytes do not.
 *
 * Of a target that is attached to they are read from the memory that it has now; before
 * that from the memory that was opened. If it executed another program in that moment, it is
 * an error, or bytes that no run has.
 *
 * @param[out] ret #GRAFT_TARGET_RUN_SIZE bytes.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_run(struct graft_target *target,
		 uint8_t ret[GRAFT_TARGET_RUN_SIZE]);

/**
 * Attach to all threads with PTRACE_SEIZE; they go on running. Threads that are
 * born later are attached to by the kernel (PTRACE_O_TRACECLONE).
 *
 * State RUNNING -> ATTACHED.
 *
 * @return NULL; #GRAFT_ERROR_TRACED (names the tracer);
 * #GRAFT_ERROR_NOT_PERMITTED; #GRAFT_ERROR_TARGET_GONE. On error the target is
 * RUNNING.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_attach(struct graft_target *target);

/** Say whether a target is in state ATTACHED. */
bool
graft_target_is_attached(const struct graft_target *target);

/** Get how many threads are attached to, as far as is known; 0 in state RUNNING. */
size_t
graft_target_thread_count(const struct graft_target *target);

/**
 * Detach from all threads. State ATTACHED or STOPPED -> RUNNING.
 *
 * A thread that cannot be stopped (uninterruptible sleep, a parent in vfork(2))
 * cannot be detached from either: after 0.1 s it is left, and the kernel lets it
 * go when our process ends.
 */
void
graft_target_detach(struct graft_target *target);

/**
 * Stop all threads, those born meanwhile too.
 *
 * Either every thread is stopped or none is. State ATTACHED -> STOPPED. The
 * calling thread is SCHED_FIFO from here to graft_target_release() where the
 * system allows it.
 *
 * @param[in] limit_us Longest time to try, in microseconds. The target may be
 * stopped for that long even when this fails.
 * @return NULL; #GRAFT_ERROR_LIMIT if a thread did not stop in time (the
 * message names it).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_stop(struct graft_target *target, uint64_t limit_us);

/**
 * Resume and detach at once: the threads run on with the registers they had, and
 * system calls that only our stop interrupted are restarted by the kernel. State
 * STOPPED -> RUNNING.
 */
void
graft_target_release(struct graft_target *target);

/** Get how long the last stop lasted, in microseconds, from the first thread
 * that was interrupted to the last that was let go. 0 if there was none. */
uint64_t
graft_target_pause_us(const struct graft_target *target);

/**
 * Get the threads. State STOPPED.
 *
 * @param[out] count_ret How many.
 * @return Array that is valid until the next call that changes the state.
 */
const struct graft_thread *
graft_target_threads(const struct graft_target *target, size_t *count_ret);

/**
 * Read memory of the target, in any state.
 *
 * @param[in] addr First address in the target.
 * @param[out] buf Filled with @p len bytes; undefined on error.
 * @param[in] len Number of bytes. 0 is allowed.
 * @return NULL; #GRAFT_ERROR_OS (EFAULT) if any byte is unreadable;
 * #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_read(struct graft_target *target, uint64_t addr, void *buf,
		  size_t len);

/**
 * Read memory of the target that need not be there.
 *
 * @param[out] buf As for graft_target_read(); undefined if it is not there.
 * @param[out] there_ret False if any byte is unreadable; written on error too.
 * @return NULL; what graft_target_read() returns, but for #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_try_read(struct graft_target *target, uint64_t addr, void *buf,
		      size_t len, bool *there_ret);

/**
 * Say whether the dynamic linker still relocates what a target maps: slots hold no
 * addresses yet. In any state.
 *
 * @param[out] ret It does. False too where there is no dynamic linker.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; what graft_maps_read() returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_is_loading(struct graft_target *target, bool *ret);

/**
 * Write memory of the target, code and read-only pages included, through
 * /proc/PID/mem.
 *
 * A write within one page is seen whole or not at all by threads that are
 * stopped meanwhile. On error bytes before the failing page may be written.
 *
 * @param[in] addr First address in the target.
 * @param[in] buf Bytes to write.
 * @param[in] len Number of bytes. 0 is allowed.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_write(struct graft_target *target, uint64_t addr, const void *buf,
		   size_t len);

/**
 * Get somebody to ask for the mappings of a target, as they are now. State ATTACHED or
 * STOPPED.
 *
 * @param[out] ret Owned by the target; valid until it is detached from. Shared by all
 * who ask: graft_vmas_renew() is for who begins something new.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_vmas(struct graft_target *target, struct graft_vmas **ret);

/**
 * Tell a target which mappings it had a moment ago.
 *
 * @param[in] maps Of the same run of the same program; borrowed until the target is
 * closed. NULL: nobody knows.
 */
void
graft_target_set_maps(struct graft_target *target,
		      const struct graft_maps *maps);

/**
 * Get the mappings of a target, for who looks at its code. State ATTACHED.
 *
 * What is executable is so now: each such mapping was asked for, and what is there since
 * graft_target_set_maps() without a file, as a shadow is, was added. Of the others it is
 * what was told then, if the kernel answers for one address; else all is read.
 *
 * @param[out] ret New maps; free with graft_maps_free().
 * @param[out] same_ret What is executable and of a file is what graft_target_set_maps()
 * told: no module came or went.
 * @return As graft_maps_read().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_code_maps(struct graft_target *target, struct graft_maps **ret,
		       bool *same_ret);

/**
 * See which of the threads have seccomp filters, or a shadow stack. State ATTACHED.
 */
void
graft_target_survey(struct graft_target *target);

/**
 * See whether threads with seccomp filters, which graft_target_survey() has seen, can be
 * stopped without risk: whether
 * the filters allow restart_syscall(2), by which the kernel takes up a sleep that
 * a stop interrupted, and rt_sigreturn(2). State ATTACHED.
 *
 * Filters can be read of a stopped thread only, so one is stopped that waits in
 * a call which needs neither. The others must have as many filters.
 *
 * @return NULL, also if no thread has a filter; #GRAFT_ERROR_REFUSED with thread
 * and reason; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_check_filters(struct graft_target *target);

/**
 * Get what /proc showed of the first thread in graft_target_survey().
 *
 * @return NULL if it ended or was not looked at since the target was attached to;
 * valid until it is detached from.
 */
const struct graft_proc_status *
graft_target_status(const struct graft_target *target);

/** Say whether all threads were seen to have neither filter, strict mode nor shadow
 * stack, since the target was attached to. */
bool
graft_target_is_surveyed(const struct graft_target *target);

/** A system call to be made inside the target. */
struct graft_target_call;

/**
 * What is done when a call was made and did not fail, while the thread stands that made
 * it.
 *
 * @return false: no more calls are made.
 */
typedef bool (*graft_target_made_fn)(void *ctx, struct graft_target *target,
				     const struct graft_target_call *call);

/** A system call to be made inside the target. */
struct graft_target_call {
	/** Number and arguments (syscall(2), x86-64). */
	uint64_t nr;
	uint64_t args[6];
	/** What it returned: a value or -errno. */
	int64_t result;
	/** NULL: nothing is to be done. */
	graft_target_made_fn made;
	void *ctx;
};

/**
 * Make system calls inside the target, one after the other, in one thread that
 * stops for as long as they take; the others run on. State ATTACHED.
 *
 * The injection restores itself: if we are killed at any instant, the thread
 * finishes the call that it is in and goes on where it was.
 *
 * Stops after the first call that returns -errno; the ones behind it are not
 * made and their results are -ECANCELED.
 *
 * @param[in,out] calls Their results are written.
 * @param[in] count At least 1.
 * @return NULL if calls were made, whatever they returned; #GRAFT_ERROR_REFUSED
 * if no thread can make one (no `syscall; ret`, no room on any stack), and each
 * one's reason; #GRAFT_ERROR_LIMIT if a thread was lost in a call that it did not
 * finish in time: calls may have been made, and that one may still be;
 * #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_syscalls(struct graft_target *target,
		      struct graft_target_call *calls, size_t count);

/**
 * Make the last system calls before a target is detached from: a process with one thread
 * is let go of in the same stop. As graft_target_syscalls(), and graft_target_detach() is
 * to follow; the state is RUNNING or ATTACHED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_target_last_syscalls(struct graft_target *target,
			   struct graft_target_call *calls, size_t count);

#endif /* GRAFT_PROC_TARGET_H */
