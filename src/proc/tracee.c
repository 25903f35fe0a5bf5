// SPDX-License-Identifier: Apache-2.0

#include "proc/tracee.h"

#include "proc/hints.h"
#include "proc/status.h"
#include "proc/vmas.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	/** Signals that a thread may deliver while it is to stop. */
	SIGNALS_MAX = 64,
	/** Results inside the kernel (include/linux/errno.h). */
	RESTART_NO_HANDLER = 514,
};

uint64_t
graft_tracee_now_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

struct graft_error *
graft_tracee_tick_begin(struct graft_target *target, struct graft_tick *own,
			struct graft_tick **ret)
{
	*ret = target->hints ? &target->hints->tick : own;
	return target->hints ? graft_tick_again(*ret) : graft_tick_begin(own);
}

void
graft_tracee_tick_end(struct graft_target *target, struct graft_tick *tick)
{
	if (target->hints)
		graft_tick_rest(tick);
	else
		graft_tick_end(tick);
}

struct graft_error *
graft_tracee_gone(struct graft_target *target)
{
	target->state = GRAFT_TARGET_GONE;
	return graft_error_new(GRAFT_ERROR_TARGET_GONE,
			       "process %d (%s) exited or became another "
			       "program",
			       target->pid, target->comm);
}

struct graft_error *
graft_tracee_reserve(struct graft_target *target, size_t more)
{
	size_t want = target->count + more;
	if (want <= target->capacity)
		return NULL;
	want += want / 2;
	struct graft_tracee *tracees = reallocarray(target->tracees, want,
						    sizeof(*tracees));
	if (tracees)
		target->tracees = tracees;
	struct graft_thread *threads = reallocarray(target->threads, want,
						    sizeof(*threads));
	if (threads)
		target->threads = threads;
	if (!tracees || !threads)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "threads");
	target->capacity = want;
	return NULL;
}

size_t
graft_tracee_find(const struct graft_target *target, pid_t tid)
{
	// Who is looked for is mostly new: from the end.
	for (size_t i = target->count; i-- > 0;) {
		if (target->tracees[i].tid == tid &&
		    target->tracees[i].state != GRAFT_TRACEE_GONE)
			return i;
	}
	return SIZE_MAX;
}

size_t
graft_tracee_add(struct graft_target *target, pid_t tid)
{
	size_t index = graft_tracee_find(target, tid);
	if (index != SIZE_MAX)
		return index;
	struct graft_error *err = graft_tracee_reserve(target, 1);
	if (err) {
		graft_error_free(err);
		return SIZE_MAX;
	}
	target->tracees[target->count] = (struct graft_tracee){ .tid = tid };
	target->threads[target->count].tid = 0;
	return target->count++;
}

/** Is @p tid a thread of the target? */
static bool
is_thread_of(const struct graft_target *target, pid_t tid)
{
	char name[16];
	(void)snprintf(name, sizeof(name), "%d", tid);
	return faccessat(target->task_fd, name, F_OK, 0) == 0;
}

/** A thread gave birth: the child is traced already, and will stop. */
static void
take_child(struct graft_target *target, pid_t parent)
{
	unsigned long child;
	if (ptrace(PTRACE_GETEVENTMSG, parent, NULL, &child) != 0)
		return;
	size_t index = graft_tracee_add(target, (pid_t)child);
	if (index != SIZE_MAX)
		target->tracees[index].stranger = !is_thread_of(target,
								(pid_t)child);
}

/** Read what a wait status says of a stopped thread. */
static void
take_stop(struct graft_target *target, size_t index, int status)
{
	struct graft_tracee *tracee = &target->tracees[index];
	int sig = WSTOPSIG(status);
	tracee->state = GRAFT_TRACEE_STOPPED;
	tracee->event = status >> 16;
	tracee->sig = 0;
	tracee->group_stop = false;
	tracee->at_syscall = false;
	switch (tracee->event) {
	case 0:
		tracee->at_syscall = sig == (SIGTRAP | 0x80);
		tracee->sig = tracee->at_syscall ? 0 : sig;
		break;
	case PTRACE_EVENT_STOP:
		// Anything else than SIGTRAP names the signal that stopped the
		// whole process (ptrace(2), "Group-stop").
		tracee->group_stop = sig != SIGTRAP;
		break;
	case PTRACE_EVENT_CLONE:
		take_child(target, tracee->tid);
		break;
	case PTRACE_EVENT_EXEC:
		target->state = GRAFT_TARGET_GONE;
		break;
	default:
		break;
	}
}

bool
graft_tracee_wait(struct graft_target *target, size_t index, int flags)
{
	struct graft_tracee *tracee = &target->tracees[index];
	int status;
	pid_t got = waitpid(tracee->tid, &status, __WALL | flags);
	if (got == tracee->tid && WIFSTOPPED(status)) {
		take_stop(target, index, status);
		return true;
	}
	if (got < 0 && errno == ECHILD && tracee->state == GRAFT_TRACEE_ZOMBIE)
		return false;
	if (got == tracee->tid || (got < 0 && errno == ECHILD)) {
		// Exited, or taken away by an execve(2) of another thread.
		tracee->state = GRAFT_TRACEE_GONE;
		return true;
	}
	// A leader that ends while its threads live on is not reported.
	char text[1024];
	struct graft_proc_status now;
	if (tracee->tid == target->pid &&
	    tracee->state == GRAFT_TRACEE_RUNNING && got < 0 &&
	    graft_proc_slurp(text, sizeof(text), "/proc/%d/stat", target->pid) >
		    0 &&
	    graft_proc_stat_parse(text, &now) && now.state == 'Z') {
		tracee->state = GRAFT_TRACEE_ZOMBIE;
		return true;
	}
	return false;
}

/**
 * May this call be made again after it failed with EINTR?
 *
 * Only calls that wait, and that did nothing when they say EINTR. Not close(2):
 * its descriptor is gone and may be another thread's by now.
 */
static bool
is_waiting_call(uint64_t nr)
{
	switch (nr) {
	case SYS_read:
	case SYS_pread64:
	case SYS_readv:
	case SYS_preadv:
	case SYS_preadv2:
	case SYS_write:
	case SYS_pwrite64:
	case SYS_writev:
	case SYS_pwritev:
	case SYS_pwritev2:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_accept:
	case SYS_accept4:
	case SYS_connect:
	case SYS_poll:
	case SYS_ppoll:
	case SYS_select:
	case SYS_pselect6:
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
	case 441: // epoll_pwait2, since Linux 5.11
	case SYS_rt_sigtimedwait:
	case SYS_rt_sigsuspend:
	case SYS_pause:
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
	case SYS_futex:
	case 449: // futex_waitv, since Linux 5.16
	case 455: // futex_wait, since Linux 6.7
	case SYS_semop:
	case SYS_semtimedop:
	case SYS_msgsnd:
	case SYS_msgrcv:
	case SYS_mq_timedsend:
	case SYS_mq_timedreceive:
	case SYS_io_getevents:
	case 333: // io_pgetevents, since Linux 4.18
	case 426: // io_uring_enter, since Linux 5.1
	case SYS_wait4:
	case SYS_waitid:
	case SYS_flock:
	case SYS_fcntl:
		return true;
	default:
		return false;
	}
}

void
graft_tracee_mend(const struct graft_tracee *tracee,
		  struct user_regs_struct *regs)
{
	// A stop for a signal, SIGSTOP too, keeps its EINTR: a signal did come.
	if (tracee->event != PTRACE_EVENT_STOP || tracee->group_stop ||
	    (long long)regs->orig_rax < 0 || regs->rax != (uint64_t)-EINTR ||
	    !is_waiting_call(regs->orig_rax))
		return;
	// The kernel decides when the thread goes on: with a handler to run it
	// says EINTR, else it makes the call again. To step rip back ourselves
	// would take the EINTR from a program whose signal came meanwhile.
	regs->rax = (uint64_t)-RESTART_NO_HANDLER;
	(void)ptrace(PTRACE_POKEUSER, tracee->tid,
		     offsetof(struct user_regs_struct, rax), regs->rax);
}

void
graft_tracee_go(struct graft_target *target, size_t index,
		enum __ptrace_request how)
{
	struct graft_tracee *tracee = &target->tracees[index];
	if (tracee->state != GRAFT_TRACEE_STOPPED)
		return;
	if (tracee->group_stop && how == PTRACE_CONT)
		how = PTRACE_LISTEN;
	// ESRCH: killed in its stop. It is ours until a wait tells so.
	long sig = how == PTRACE_LISTEN ? 0 : tracee->sig;
	bool done = ptrace(how, tracee->tid, NULL, sig) == 0;
	tracee->state = how == PTRACE_DETACH && done ? GRAFT_TRACEE_GONE
						     : GRAFT_TRACEE_RUNNING;
}

bool
graft_tracee_wait_until(struct graft_target *target, size_t index,
			uint64_t deadline_ns)
{
	while (!graft_tracee_wait(target, index, 0)) {
		if (graft_tracee_now_ns() >= deadline_ns)
			return false;
	}
	return target->tracees[index].state == GRAFT_TRACEE_STOPPED;
}

bool
graft_tracee_interrupt(struct graft_target *target, size_t index,
		       uint64_t limit_ns)
{
	uint64_t deadline_ns = graft_tracee_now_ns() + limit_ns;
	for (int i = 0; i < SIGNALS_MAX; i++) {
		pid_t tid = target->tracees[index].tid;
		if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0 ||
		    !graft_tracee_wait_until(target, index, deadline_ns) ||
		    target->state == GRAFT_TARGET_GONE)
			return false;
		if (target->tracees[index].event == PTRACE_EVENT_STOP)
			return true;
		graft_tracee_go(target, index, PTRACE_CONT);
	}
	return false;
}

/** Drop the entries of threads that are no more. */
static void
drop_gone(struct graft_target *target)
{
	size_t kept = 0;
	for (size_t i = 0; i < target->count; i++) {
		if (target->tracees[i].state != GRAFT_TRACEE_GONE)
			target->tracees[kept++] = target->tracees[i];
	}
	target->count = kept;
}

void
graft_tracee_service(struct graft_target *target)
{
	for (size_t i = 0; i < target->count; i++) {
		// A thread with a storm of signals must not hold us for ever.
		for (int rounds = 0; rounds < 16; rounds++) {
			struct graft_tracee *tracee = &target->tracees[i];
			if (tracee->state == GRAFT_TRACEE_GONE ||
			    tracee->state == GRAFT_TRACEE_STOPPED ||
			    !graft_tracee_wait(target, i, WNOHANG))
				break;
			tracee = &target->tracees[i];
			if (tracee->state != GRAFT_TRACEE_STOPPED)
				break;
			struct user_regs_struct regs;
			if (tracee->event == PTRACE_EVENT_STOP &&
			    ptrace(PTRACE_GETREGS, tracee->tid, NULL, &regs) ==
				    0)
				graft_tracee_mend(tracee, &regs);
			graft_tracee_go(target, i,
					tracee->stranger ? PTRACE_DETACH
							 : PTRACE_CONT);
		}
	}
	drop_gone(target);
}

void
graft_tracee_detach_all(struct graft_target *target)
{
	for (size_t i = 0; i < target->count; i++)
		graft_tracee_go(target, i, PTRACE_DETACH);
	drop_gone(target);
	graft_vmas_free(target->vmas);
	target->vmas = NULL;
	target->surveyed = false;
	target->filtered = false;
	target->has_status = false;
}
