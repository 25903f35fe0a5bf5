// SPDX-License-Identifier: Apache-2.0

// graft_target_syscalls(): system calls made by a thread of the target.
//
// From the moment these registers are set to the moment the true ones are back,
// whatever ends us lets the thread finish its call and restore itself.

#include "base/fault.h"
#include "proc/injection.h"
#include "proc/partway.h"
#include "proc/room.h"
#include "proc/target.h"
#include "proc/tracee.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	/**
	 * How long one thread may take to stop before another is tried; on a
	 * busy machine it must be scheduled first. Five times as long in each
	 * further round.
	 */
	STOP_LIMIT_NS = 20 * 1000 * 1000,
	/** How long the threads of a killed process may take to follow. */
	DEATH_LIMIT_NS = 500 * 1000 * 1000,
	/** How often all threads are tried. */
	ROUNDS = 4,
	/** si_code of a SIGSYS that seccomp sent (asm-generic/siginfo.h). */
	CODE_SECCOMP = 1,
};

/** How long a call may take before it is left to itself: 5 s. */
static const uint64_t CALL_LIMIT_NS = UINT64_C(5000000000);

/** Go on to the next entry or exit of a system call. */
static bool
next_syscall_stop(struct graft_injection *inj, uint64_t deadline_ns)
{
	struct graft_target *target = inj->target;
	for (;;) {
		struct graft_tracee *tracee = &target->tracees[inj->index];
		// All signals but one wait; what stops it in between is a stop
		// of the whole process, which our last stop takes up again.
		if (ptrace(PTRACE_SYSCALL, inj->tid, NULL, (long)tracee->sig) !=
			    0 &&
		    errno == ESRCH)
			return false;
		tracee->state = GRAFT_TRACEE_RUNNING;
		if (!graft_tracee_wait_until(target, inj->index, deadline_ns))
			return false;
		if (target->tracees[inj->index].at_syscall)
			return true;
	}
}

/** Swallow the SIGSYS by which seccomp answered our call, if it did. */
static bool
swallow_sigsys(struct graft_injection *inj, uint64_t deadline_ns)
{
	struct __ptrace_peeksiginfo_args args = { .nr = 1 };
	siginfo_t info;
	if (ptrace(PTRACE_PEEKSIGINFO, inj->tid, &args, &info) != 1 ||
	    info.si_signo != SIGSYS || info.si_code != CODE_SECCOMP)
		return false;
	graft_tracee_go(inj->target, inj->index, PTRACE_CONT);
	if (graft_tracee_wait_until(inj->target, inj->index, deadline_ns))
		inj->target->tracees[inj->index].sig = 0;
	return true;
}

/** Pass a fault point at which a failure means that the thread is lost. */
static bool
pass(const char *point)
{
	struct graft_error *err = graft_fault(point);
	graft_error_free(err);
	return !err;
}

/** Make one call. @return false if the thread is lost or takes too long. */
static bool
make_call(struct graft_injection *inj, struct graft_target_call *call)
{
	uint64_t deadline_ns = graft_tracee_now_ns() + CALL_LIMIT_NS;
	struct user_regs_struct regs;
	if (!next_syscall_stop(inj, deadline_ns) || !pass("call-entered") ||
	    !next_syscall_stop(inj, deadline_ns) || !pass("call-made") ||
	    ptrace(PTRACE_GETREGS, inj->tid, NULL, &regs) != 0)
		return false;
	call->result = (int64_t)regs.rax;
	// seccomp rolls the registers back to what they were at the entry.
	if (regs.rax == call->nr && swallow_sigsys(inj, deadline_ns))
		call->result = -ENOSYS;
	return true;
}

static bool
is_failure(const struct graft_target_call *call)
{
	return call->result < 0 && call->result >= -4095;
}

/**
 * Give the thread its true registers back, in a stop from which the kernel's
 * own restart of its system call works.
 */
static bool
restore(struct graft_injection *inj)
{
	struct graft_target *target = inj->target;
	uint64_t deadline_ns = graft_tracee_now_ns() + CALL_LIMIT_NS;
	// At the exit of a call the kernel has looked at restarting already; in
	// the stop of an interrupt it has not. It comes before user mode.
	do {
		if (ptrace(PTRACE_INTERRUPT, inj->tid, NULL, NULL) != 0)
			return false;
		// Not PTRACE_LISTEN: it must get to the next stop.
		struct graft_tracee *tracee = &target->tracees[inj->index];
		tracee->group_stop = false;
		graft_tracee_go(target, inj->index, PTRACE_CONT);
		if (!graft_tracee_wait_until(target, inj->index, deadline_ns))
			return false;
	} while (target->tracees[inj->index].event != PTRACE_EVENT_STOP);

	// The mask first: until the registers are back, the frame has it too.
	return ptrace(PTRACE_SETSIGMASK, inj->tid, sizeof(inj->mask),
		      &inj->mask) == 0 &&
	       ptrace(PTRACE_SETREGS, inj->tid, NULL, &inj->regs) == 0;
}

/** Make the calls in a thread whose frame is written. */
static bool
run(struct graft_injection *inj, struct graft_target_call *calls, size_t count)
{
	if (!graft_injection_set_call(inj, &calls[0]) || !pass("call-set"))
		return false;
	// From here the frame restores the thread. Before, a thread whose
	// signals are blocked would keep them so.
	(void)ptrace(PTRACE_SETSIGMASK, inj->tid, sizeof(GRAFT_INJECTION_MASK),
		     &GRAFT_INJECTION_MASK);
	for (size_t i = 0; i < count; i++) {
		if ((i > 0 && !graft_injection_set_call(inj, &calls[i])) ||
		    !make_call(inj, &calls[i]))
			return false;
		if (is_failure(&calls[i]) ||
		    (calls[i].made &&
		     !calls[i].made(calls[i].ctx, inj->target, &calls[i])))
			break;
	}
	if (!restore(inj))
		return false;
	struct graft_error *err = graft_target_write(
		inj->target, inj->frame.addr, inj->saved, inj->frame.len);
	graft_error_free(err);
	return true;
}

/** How far an attempt with one thread came. */
enum attempt { UNUSABLE, DONE, LOST };

/** Try to make the calls in one thread. */
static enum attempt
try_thread(struct graft_injection *inj, size_t index,
	   struct graft_target_call *calls, size_t count)
{
	struct graft_target *target = inj->target;
	inj->index = index;
	inj->tid = target->tracees[index].tid;
	inj->reason = GRAFT_UNUSABLE_NOT_RUNNING;
	if (target->tracees[index].state != GRAFT_TRACEE_RUNNING ||
	    target->tracees[index].stranger)
		return UNUSABLE;
	enum attempt attempt = UNUSABLE;
	target->stopped_ns = graft_tracee_now_ns();
	inj->reason = GRAFT_UNUSABLE_NOT_STOPPED;
	if (graft_tracee_interrupt(target, index, inj->stop_limit_ns)) {
		if (graft_injection_prepare(inj))
			attempt = run(inj, calls, count) ? DONE : LOST;
		else
			graft_room_mend(target, index);
		if (attempt != LOST)
			graft_injection_wake_filters(inj);
	}
	// The only thread need not be stopped once more to be let go.
	graft_tracee_go(target, index,
			inj->leave && attempt == DONE && target->count == 1
				? PTRACE_DETACH
				: PTRACE_CONT);
	target->pause_us = (graft_tracee_now_ns() - target->stopped_ns) / 1000;
	return attempt;
}

/**
 * Say whether a process is gone of which a thread was lost: that is what SIGKILL
 * does, and the other threads may take a moment to follow.
 */
static bool
is_gone_soon(struct graft_target *target)
{
	uint64_t deadline_ns = graft_tracee_now_ns() + DEATH_LIMIT_NS;

	while (!graft_target_is_gone(target)) {
		if (graft_tracee_now_ns() >= deadline_ns)
			return false;
		// The leader's end shows when those of its threads were taken.
		graft_tracee_service(target);
		(void)usleep(1000);
	}
	return true;
}

/** Try all threads, some times, until one has made the calls. */
static struct graft_error *
try_all(struct graft_injection *inj, struct graft_target_call *calls,
	size_t count)
{
	struct graft_target *target = inj->target;
	inj->stop_limit_ns = STOP_LIMIT_NS;
	for (int round = 0; round < ROUNDS; round++) {
		inj->unusable = (struct graft_unusable){ 0 };
		for (size_t i = 0; i < target->count; i++) {
			// At first, one that nothing happens to.
			if (round == 0 && target->count > 1 &&
			    graft_partway_is_in(target->pid,
						target->tracees[i].tid))
				continue;
			enum attempt attempt = try_thread(inj, i, calls, count);
			if (attempt == DONE)
				return NULL;
			if (attempt == LOST ? is_gone_soon(target)
					    : graft_target_is_gone(target))
				return graft_tracee_gone(target);
			if (attempt == LOST)
				return graft_error_new(
					GRAFT_ERROR_LIMIT,
					"thread %d of process %d (%s) did not "
					"finish a system call in time",
					inj->tid, target->pid, target->comm);
			graft_unusable_note(&inj->unusable, inj->reason,
					    inj->tid);
		}
		inj->stop_limit_ns *= 5;
	}
	return graft_unusable_say(&inj->unusable, inj->target);
}

/** Make calls. @param[in] leave Let go of the process behind them, if that can be. */
GRAFT_MUST_CHECK static struct graft_error *
syscalls(struct graft_target *target, struct graft_target_call *calls,
	 size_t count, bool leave)
{
	assert(count > 0);
	assert(target->state == GRAFT_TARGET_ATTACHED ||
	       target->state == GRAFT_TARGET_GONE);

	for (size_t i = 0; i < count; i++)
		calls[i].result = -ECANCELED;
	struct graft_error *err = graft_tracee_check_return(target);
	if (err)
		return err;
	GRAFT_FREE struct graft_injection *inj = calloc(1, sizeof(*inj));
	if (!inj)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "an injection");
	err = graft_injection_begin(inj, target);
	if (err)
		return err;
	inj->calls = calls;
	inj->count = count;
	inj->leave = leave;

	graft_tracee_service(target);
	graft_partway_wait(target, false);
	struct graft_tick own;
	struct graft_tick *tick;
	err = graft_tracee_tick_begin(target, &own, &tick);
	if (err)
		return err;
	graft_urgent_begin(&target->urgent);
	err = try_all(inj, calls, count);
	graft_urgent_end(&target->urgent);
	graft_tracee_tick_end(target, tick);
	graft_tracee_service(target);
	if (leave && target->count == 0 && target->state != GRAFT_TARGET_GONE)
		target->state = GRAFT_TARGET_RUNNING;
	return err;
}

struct graft_error *
graft_target_syscalls(struct graft_target *target,
		      struct graft_target_call *calls, size_t count)
{
	return syscalls(target, calls, count, false);
}

struct graft_error *
graft_target_last_syscalls(struct graft_target *target,
			   struct graft_target_call *calls, size_t count)
{
	return syscalls(target, calls, count, true);
}
