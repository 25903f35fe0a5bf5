// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The inside of a target: its threads as ptrace(2) shows them. For the files of
 * this folder only.
 *
 * A tracee is a thread that we seized. Its states:
 *
 *     RUNNING --an event--> STOPPED --graft_tracee_go()--> RUNNING
 *        \__ exit __> GONE     \__ kill __> GONE
 *
 * A leader that called pthread_exit(3) is a ZOMBIE until the process ends: it
 * never stops, and must be waited for once so that the real parent hears of it.
 */

#ifndef GRAFT_PROC_TRACEE_H
#define GRAFT_PROC_TRACEE_H

#include "proc/hints.h"
#include "proc/status.h"
#include "proc/target.h"
#include "proc/urgent.h"

#include <sys/ptrace.h>

enum {
	/** What we ask the kernel to report; exec ends the target for us. */
	GRAFT_TRACEE_OPTIONS = PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
			       PTRACE_O_TRACESYSGOOD,
};

/** Where a thread stands. */
enum graft_tracee_state {
	GRAFT_TRACEE_RUNNING,
	GRAFT_TRACEE_STOPPED,
	GRAFT_TRACEE_ZOMBIE,
	GRAFT_TRACEE_GONE,
};

/** A thread that we seized. */
struct graft_tracee {
	pid_t tid;
	enum graft_tracee_state state;
	/** PTRACE_EVENT_* of the stop; 0 for a signal or a system call. */
	int event;
	/** Signal that the stop held back and that must be handed on, or 0. */
	int sig;
	/** It stops at a system call's entry or exit (PTRACE_SYSCALL). */
	bool at_syscall;
	/** The process is stopped by SIGSTOP and the like: it must stay so. */
	bool group_stop;
	/** It is no thread of the target but a process born by clone(2). */
	bool stranger;
};

/** State of a target, as its header draws it. */
enum graft_target_state {
	GRAFT_TARGET_RUNNING,
	GRAFT_TARGET_ATTACHED,
	GRAFT_TARGET_STOPPED,
	GRAFT_TARGET_GONE,
};

/** Two places in the target's code that injection needs. 0: not looked for. */
struct graft_gadgets {
	/** `syscall; ret`. */
	uint64_t call;
	/** `mov $15, %rax; syscall`: rt_sigreturn(2). */
	uint64_t restore;
};

/** A process. */
struct graft_target {
	pid_t pid;
	/** Of the thread whose files are open. */
	pid_t tid;
	char comm[16];
	uint64_t start_ticks;
	/** Where AT_RANDOM was when it was opened; 0: nowhere. */
	uint64_t random_addr;
	/** What stood there, if that was read. */
	bool has_run;
	uint8_t run[GRAFT_TARGET_RUN_SIZE];
	/** pidfd, or -1 on kernels before 5.3. */
	int pidfd;
	int mem_fd;
	/** Since it was attached to, each thread was seen to have neither a shadow
	 * stack nor strict seccomp. */
	bool surveyed;
	/** A thread was seen to have a filter, or to be in strict mode. */
	bool filtered;
	/** What was seen of the first thread then. */
	bool has_status;
	struct graft_proc_status status;
	/** /proc/PID/task; -1 until it is attached to. */
	int task_fd;
	/** /proc/PID/syscall; -1 until it is looked at (proc/partway.h). */
	int call_fd;
	enum graft_target_state state;

	struct graft_tracee *tracees;
	size_t count;
	size_t capacity;
	/** Compact array of the stopped threads, as large as @ref tracees. */
	struct graft_thread *threads;
	size_t thread_count;

	/** NULL: not asked for since it was attached to. */
	struct graft_vmas *vmas;
	/** Borrowed; NULL: nobody told. */
	const struct graft_maps *maps;
	struct graft_gadgets gadgets;
	/** Borrowed; NULL: none. */
	struct graft_hints *hints;
	struct graft_urgent urgent;
	uint64_t stopped_ns;
	uint64_t pause_us;
};

/**
 * Start to tick (proc/urgent.h) for a stop of a target.
 *
 * @param[out] own Storage of the caller, for a target without hints.
 * @param[out] ret What ticks; end it with graft_tracee_tick_end().
 * @return NULL; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tracee_tick_begin(struct graft_target *target, struct graft_tick *own,
			struct graft_tick **ret);

/** Stop ticking. What belongs to the hints is kept for the next stop. */
void
graft_tracee_tick_end(struct graft_target *target, struct graft_tick *tick);

/** Monotonic time in nanoseconds. */
uint64_t
graft_tracee_now_ns(void);

/** Make the error that says that the target exited. */
GRAFT_MUST_CHECK struct graft_error *
graft_tracee_gone(struct graft_target *target);

/**
 * Make the error for a file of /proc/PID that could not be opened.
 *
 * @param[in] what Its name.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tracee_cannot_open(const struct graft_target *target, int errnum,
			 const char *what);

/**
 * Open the memory that a thread has now.
 *
 * @param[in] tid Thread of the process that lives.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tracee_open_memory(struct graft_target *target, pid_t tid);

/**
 * See that the memory that is open is that of the process, which cannot execute another
 * program unseen any more: it is attached to. If which run was opened is not known,
 * nothing is done.
 *
 * @return NULL; #GRAFT_ERROR_TARGET_GONE: it is another run; #GRAFT_ERROR_NOT_PERMITTED;
 * #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tracee_check_memory(struct graft_target *target);

/** Close all but what pins the process, and forget its threads. */
void
graft_tracee_close_files(struct graft_target *target);

/** Has the process ended, or become another program? Sets the state GONE. */
bool
graft_target_is_gone(struct graft_target *target);

/** Make room for @p more tracees beyond those that are known. */
GRAFT_MUST_CHECK struct graft_error *
graft_tracee_reserve(struct graft_target *target, size_t more);

/**
 * Add a thread that is traced by us.
 *
 * @return Its index; that of the old entry if it is known; SIZE_MAX without
 * memory.
 */
size_t
graft_tracee_add(struct graft_target *target, pid_t tid);

/** Find a thread. @return its index, or SIZE_MAX. */
size_t
graft_tracee_find(const struct graft_target *target, pid_t tid);

/**
 * Take the next event of a running thread, if there is one.
 *
 * May add tracees, so pointers to them do not survive.
 *
 * @param[in] index Thread; any state but STOPPED.
 * @param[in] flags 0 to wait for an event or a signal to us; WNOHANG.
 * @return true if the thread is no longer RUNNING.
 */
bool
graft_tracee_wait(struct graft_target *target, size_t index, int flags);

/**
 * Wait until a thread is not running. A tick (proc/urgent.h) must run.
 *
 * @param[in] deadline_ns As graft_tracee_now_ns().
 * @return true if it is STOPPED.
 */
bool
graft_tracee_wait_until(struct graft_target *target, size_t index,
			uint64_t deadline_ns);

/**
 * Stop one thread where only our interrupt stopped it, and not a signal. A tick
 * must run.
 *
 * @return false if it exits, or does not stop in time.
 */
bool
graft_tracee_interrupt(struct graft_target *target, size_t index,
		       uint64_t limit_ns);

/**
 * Keep a system call that only our stop interrupted from failing with EINTR.
 *
 * @param[in] tracee In state STOPPED.
 * @param[in,out] regs Its registers; rax is changed there and in the thread.
 */
void
graft_tracee_mend(const struct graft_tracee *tracee,
		  struct user_regs_struct *regs);

/**
 * Let a stopped thread go, with the signal that its stop held back.
 *
 * A thread of a process that is stopped by SIGSTOP stays stopped.
 *
 * @param[in] how PTRACE_CONT or PTRACE_DETACH.
 */
void
graft_tracee_go(struct graft_target *target, size_t index,
		enum __ptrace_request how);

/** Take and settle all events that wait, without blocking; drop dead threads. */
void
graft_tracee_service(struct graft_target *target);

/** Seize threads of the task folder that are unknown; count the new ones. */
GRAFT_MUST_CHECK struct graft_error *
graft_tracee_seize_new(struct graft_target *target, size_t *count_ret);

/**
 * Refuse targets in which the way back from a call that we put there would not work. Of
 * the thread that is taken this is asked again when it is stopped: what matters is what is
 * so then.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED; #GRAFT_ERROR_TARGET_GONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tracee_check_return(struct graft_target *target);

/** Let go of all threads, as far as they are stopped or can be. */
void
graft_tracee_detach_all(struct graft_target *target);

#endif /* GRAFT_PROC_TRACEE_H */
