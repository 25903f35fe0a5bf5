// SPDX-License-Identifier: Apache-2.0

// The states of a target: attach, stop, release, detach.

#include "base/fault.h"
#include "proc/target.h"
#include "proc/tracee.h"
#include "proc/waiting.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	/** How often the list of threads may change while we attach. */
	ATTACH_ROUNDS = 1000,
	/** Looks, 1 ms apart, for stops that come after a stop failed. */
	LATE_PASSES = 5,
	/** Room for threads that are born during a stop. */
	SPARE_THREADS = 256,
	/** How long detaching waits for threads: 0.1 s. */
	DETACH_LIMIT_NS = 100 * 1000 * 1000,
};

/** Open the list of threads. Whose it is, is asked afterwards. */
static struct graft_error *
open_tasks(struct graft_target *target)
{
	char path[32];

	if (target->task_fd >= 0)
		return NULL;
	(void)snprintf(path, sizeof(path), "/proc/%d/task", target->pid);
	target->task_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (target->task_fd < 0 && (errno == ENOENT || errno == ESRCH))
		return graft_tracee_gone(target);
	return target->task_fd < 0
		       ? graft_error_os(errno, "list the threads of %d",
					target->pid)
		       : NULL;
}

struct graft_error *
graft_target_attach(struct graft_target *target)
{
	assert(target->state == GRAFT_TARGET_RUNNING ||
	       target->state == GRAFT_TARGET_GONE);

	if (target->state == GRAFT_TARGET_GONE)
		return graft_tracee_gone(target);
	struct graft_error *fault = open_tasks(target);
	if (fault)
		return fault;
	// Behind it: if the process lives now, its number was not given out again
	// before, and the threads are its own.
	if (graft_target_is_gone(target))
		return graft_tracee_gone(target);
	fault = graft_fault("target-attach");
	if (fault)
		return fault;
	// A thread that was about to clone when we seized it makes one that we
	// only find by looking again; those of seized threads come to us.
	size_t fresh = 1;
	for (int i = 0; fresh > 0 && i < ATTACH_ROUNDS; i++) {
		struct graft_error *err = graft_tracee_seize_new(target,
								 &fresh);
		if (target->state != GRAFT_TARGET_GONE)
			target->state = GRAFT_TARGET_ATTACHED;
		if (err) {
			graft_target_detach(target);
			return err;
		}
		graft_tracee_service(target);
	}
	if (fresh > 0) {
		graft_target_detach(target);
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "process %d (%s) makes threads faster "
				       "than they can be attached to",
				       target->pid, target->comm);
	}
	if (target->count == 0 || target->state == GRAFT_TARGET_GONE ||
	    graft_target_is_gone(target))
		return graft_tracee_gone(target);
	fault = graft_tracee_check_memory(target);
	if (fault)
		graft_target_detach(target);
	return fault;
}

/** Ask all running threads to stop. */
static void
interrupt_all(struct graft_target *target)
{
	for (size_t i = 0; i < target->count; i++) {
		// A failure (it exits) shows in the wait.
		if (target->tracees[i].state == GRAFT_TRACEE_RUNNING)
			(void)ptrace(PTRACE_INTERRUPT, target->tracees[i].tid,
				     NULL, NULL);
	}
}

/**
 * Read the registers of a thread that just stopped, and mend its system call at
 * once: until then, our death would leave it an EINTR.
 *
 * @return false if it was killed in its stop, or cannot be read.
 */
static bool
take_registers(struct graft_target *target, size_t index)
{
	struct graft_thread *thread = &target->threads[index];
	const struct graft_tracee *tracee = &target->tracees[index];
	if (ptrace(PTRACE_GETREGS, tracee->tid, NULL, &thread->regs) != 0)
		return false;
	thread->tid = tracee->tid;
	graft_tracee_mend(tracee, &thread->regs);
	return true;
}

/** Say who did not stop, and what the kernel keeps it in. */
GRAFT_MUST_CHECK static struct graft_error *
not_stopped(const struct graft_target *target, pid_t tid)
{
	char waits[128];

	graft_waiting_look(target->pid, tid, waits, sizeof(waits));
	return graft_error_new(
		GRAFT_ERROR_LIMIT,
		"thread %d of process %d (%s) did not stop in time%s", tid,
		target->pid, target->comm, waits);
}

/**
 * Wait until no thread runs; those that are added meanwhile too. The registers
 * of those that stop are in the array of threads then, by the index of their
 * tracee; whose could not be read has another tid there.
 */
static struct graft_error *
wait_all(struct graft_target *target, uint64_t deadline_ns)
{
	for (size_t i = 0; i < target->count; i++) {
		while (target->tracees[i].state == GRAFT_TRACEE_RUNNING &&
		       !graft_tracee_wait(target, i, 0)) {
			if (graft_tracee_now_ns() >= deadline_ns)
				return not_stopped(target,
						   target->tracees[i].tid);
		}
		struct graft_tracee *tracee = &target->tracees[i];
		if (tracee->state == GRAFT_TRACEE_STOPPED &&
		    target->threads[i].tid != tracee->tid)
			(void)take_registers(target, i);
		if (tracee->stranger)
			graft_tracee_go(target, i, PTRACE_DETACH);
	}
	return NULL;
}

/**
 * Take the stops of those who stopped after somebody else did not: they must
 * be let go too.
 */
static void
take_late_stops(struct graft_target *target)
{
	bool late = true;
	for (int pass = 0; late && pass < LATE_PASSES; pass++) {
		late = false;
		for (size_t i = 0; i < target->count; i++) {
			if (target->tracees[i].state == GRAFT_TRACEE_RUNNING &&
			    !graft_tracee_wait(target, i, WNOHANG))
				late = true;
		}
		if (late)
			(void)usleep(1000);
	}
}

/** Close the gaps between the registers that were read. */
static struct graft_error *
gather_registers(struct graft_target *target)
{
	target->thread_count = 0;
	for (size_t i = 0; i < target->count; i++) {
		const struct graft_tracee *tracee = &target->tracees[i];
		if (tracee->state != GRAFT_TRACEE_STOPPED)
			continue;
		if (target->threads[i].tid != tracee->tid &&
		    !take_registers(target, i)) {
			// Only SIGKILL takes a thread out of its stop.
			if (errno == ESRCH)
				continue;
			return graft_error_os(errno, "read registers of %d",
					      tracee->tid);
		}
		target->threads[target->thread_count++] = target->threads[i];
	}
	return NULL;
}

/** Forget the registers of earlier stops. */
static void
forget_registers(struct graft_target *target)
{
	target->thread_count = 0;
	for (size_t i = 0; i < target->capacity; i++)
		target->threads[i].tid = 0;
}

/** Mend the system calls of stopped threads whose registers nobody reads. */
static void
mend_all(struct graft_target *target)
{
	struct user_regs_struct regs;
	for (size_t i = 0; i < target->count; i++) {
		const struct graft_tracee *tracee = &target->tracees[i];
		if (tracee->state == GRAFT_TRACEE_STOPPED &&
		    ptrace(PTRACE_GETREGS, tracee->tid, NULL, &regs) == 0)
			graft_tracee_mend(tracee, &regs);
	}
}

/** Stop what runs, and look for threads that we do not know, until all stand. */
static struct graft_error *
stop_all(struct graft_target *target, uint64_t deadline_ns)
{
	size_t fresh = 1;
	while (fresh > 0) {
		interrupt_all(target);
		struct graft_error *err = graft_fault("target-interrupt");
		if (!err)
			err = wait_all(target, deadline_ns);
		if (err)
			return err;
		if (target->state == GRAFT_TARGET_GONE)
			return graft_tracee_gone(target);
		// Nobody is left who could make one; but CLONE_UNTRACED may
		// have hidden one from us before.
		err = graft_tracee_seize_new(target, &fresh);
		if (err)
			return err;
	}
	struct graft_error *err = gather_registers(target);
	if (!err && target->thread_count == 0)
		err = graft_tracee_gone(target);
	return err ? err : graft_fault("target-stopped");
}

/** Let all stopped threads go, and take the time. */
static void
let_go(struct graft_target *target, enum __ptrace_request how)
{
	for (size_t i = 0; i < target->count; i++)
		graft_tracee_go(target, i, how);
	target->pause_us = (graft_tracee_now_ns() - target->stopped_ns) / 1000;
	graft_urgent_end(&target->urgent);
	target->thread_count = 0;
}

struct graft_error *
graft_target_stop(struct graft_target *target, uint64_t limit_us)
{
	assert(target->state == GRAFT_TARGET_ATTACHED ||
	       target->state == GRAFT_TARGET_GONE);

	if (graft_target_is_gone(target))
		return graft_tracee_gone(target);
	graft_tracee_service(target);
	struct graft_error *err = graft_tracee_reserve(target, SPARE_THREADS);
	if (err)
		return err;
	struct graft_tick own;
	struct graft_tick *tick;
	err = graft_tracee_tick_begin(target, &own, &tick);
	if (err)
		return err;
	forget_registers(target);
	graft_urgent_begin(&target->urgent);

	target->stopped_ns = graft_tracee_now_ns();
	err = stop_all(target, target->stopped_ns + limit_us * 1000);
	graft_tracee_tick_end(target, tick);
	if (err) {
		bool gone = target->state == GRAFT_TARGET_GONE;
		take_late_stops(target);
		mend_all(target);
		let_go(target, gone ? PTRACE_DETACH : PTRACE_CONT);
		graft_tracee_service(target);
		return err;
	}
	target->state = GRAFT_TARGET_STOPPED;
	return NULL;
}

bool
graft_target_is_attached(const struct graft_target *target)
{
	return target->state == GRAFT_TARGET_ATTACHED;
}

void
graft_target_release(struct graft_target *target)
{
	if (target->state == GRAFT_TARGET_STOPPED) {
		// Nothing can fail here, but we can be killed.
		graft_error_free(graft_fault("target-release"));
		let_go(target, PTRACE_DETACH);
		target->state = GRAFT_TARGET_RUNNING;
		graft_target_detach(target);
	}
}

void
graft_target_detach(struct graft_target *target)
{
	// A thread can only be detached from while it stands. One that does
	// not stop (in uninterruptible sleep) stays ours until we end.
	if (target->state == GRAFT_TARGET_ATTACHED && target->count > 0) {
		struct graft_tick own;
		struct graft_tick *tick;
		struct graft_error *err = graft_tracee_tick_begin(target, &own,
								  &tick);
		if (!err) {
			forget_registers(target);
			interrupt_all(target);
			err = wait_all(target,
				       graft_tracee_now_ns() + DETACH_LIMIT_NS);
			graft_tracee_tick_end(target, tick);
		}
		if (err)
			take_late_stops(target);
		graft_error_free(err);
		mend_all(target);
	}
	if (target->state == GRAFT_TARGET_STOPPED)
		let_go(target, PTRACE_DETACH);
	graft_tracee_detach_all(target);
	// Nobody else is told the end of one that was killed in its stop before
	// we wait for it.
	take_late_stops(target);
	graft_tracee_detach_all(target);
	if (target->state != GRAFT_TARGET_GONE)
		target->state = GRAFT_TARGET_RUNNING;
}
