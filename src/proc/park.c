// SPDX-License-Identifier: Apache-2.0

#include "proc/park.h"

#include "proc/gadget.h"
#include "proc/injection.h"
#include "proc/loading.h"
#include "proc/room.h"

#include <errno.h>
#include <sys/syscall.h>

enum {
	/** What the kernel says inside of a call that it makes again (linux/errno.h). */
	RESTART_NO_HANDLER = 514,
	/** `syscall`. */
	SYSCALL_LEN = 2,
	/** In the red zone of the sleeping thread: its own calls leave it alone, ours too. */
	TIME_BELOW = 64,
	/** How long a thread may take to stop when it shall wake. */
	WAKE_LIMIT_NS = 50 * 1000 * 1000,
	/** Events of this thread alone: children that it makes are not ours. */
	OPTIONS = PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD,
};

struct graft_park {
	struct graft_target *target;
	pid_t tid;
	struct graft_loading loading;
	/** Where it sleeps. NULL: it does not. */
	struct graft_injection *sleep;
};

/** Trace the one thread. @param[out] index_ret Its place in the target. */
GRAFT_MUST_CHECK static struct graft_error *
seize(struct graft_park *park, size_t *index_ret)
{
	struct graft_target *target = park->target;

	if (ptrace(PTRACE_SEIZE, park->tid, NULL, (long)OPTIONS) != 0) {
		if (errno == ESRCH)
			return graft_tracee_gone(target);
		return graft_error_new(GRAFT_ERROR_TRACED,
				       "thread %d cannot be traced, or is",
				       (int)park->tid);
	}
	size_t index = graft_tracee_add(target, park->tid);
	if (index == SIZE_MAX) {
		(void)ptrace(PTRACE_INTERRUPT, park->tid, NULL, NULL);
		return graft_error_no_memory();
	}
	target->state = GRAFT_TARGET_ATTACHED;
	*index_ret = index;
	return NULL;
}

struct graft_error *
graft_park_seize(pid_t pid, pid_t tid, struct graft_park **ret)
{
	GRAFT_CLEANUP(graft_park_freep)
	struct graft_park *park = calloc(1, sizeof(*park));
	size_t index;

	if (!park)
		return graft_error_no_memory();
	park->tid = tid;
	// First of all: an execve(2) that waits holds a lock that tracing takes.
	if (!graft_loading_is_opening(pid, tid, &park->loading))
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "thread %d does not load a library",
				       (int)tid);
	struct graft_error *err = graft_target_open(pid, &park->target);
	if (!err)
		err = seize(park, &index);
	if (err)
		return err;
	// It waits in a way that this does not cut short, and stops behind it.
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0)
		return graft_tracee_gone(park->target);
	*ret = GRAFT_TAKE(park);
	return NULL;
}

/** Bring a thread from the exit of a call to a stop from which the kernel restarts. */
static bool
stop_again(struct graft_target *target, size_t index, uint64_t deadline_ns)
{
	struct graft_tracee *tracee = &target->tracees[index];

	if (ptrace(PTRACE_INTERRUPT, tracee->tid, NULL, NULL) != 0)
		return false;
	graft_tracee_go(target, index, PTRACE_CONT);
	return graft_tracee_wait_until(target, index, deadline_ns) &&
	       target->tracees[index].event == PTRACE_EVENT_STOP &&
	       !target->tracees[index].group_stop;
}

/** Make a stopped thread sleep as soon as it goes on. */
static bool
lay_down(struct graft_injection *inj, uint64_t sleep_us)
{
	struct graft_target_call call = { .nr = SYS_ppoll };
	const uint64_t time[2] = { sleep_us / 1000000,
				   sleep_us % 1000000 * 1000 };

	inj->calls = &call;
	inj->count = 1;
	bool ready = graft_injection_prepare(inj);
	bool rests = inj->suspend;
	graft_injection_wake_filters(inj);
	inj->calls = NULL;
	// Filters that rest for us would be back when we let it go.
	if (!ready || rests ||
	    !graft_room_below(inj->vmas, &inj->regs,
			      inj->frame.addr - GRAFT_RED_ZONE))
		return false;
	call.args[2] = inj->frame.addr - TIME_BELOW;
	struct graft_error *err = graft_target_write(inj->target, call.args[2],
						     time, sizeof(time));
	graft_error_free(err);
	if (err || !graft_injection_set_call(inj, &call))
		return false;
	// From here the frame restores the thread, its mask too.
	(void)ptrace(PTRACE_SETSIGMASK, inj->tid, sizeof(GRAFT_INJECTION_MASK),
		     &GRAFT_INJECTION_MASK);
	return true;
}

/** Lead a thread, and make it sleep. */
GRAFT_MUST_CHECK static struct graft_error *
lead(struct graft_park *park, uint64_t deadline_ns, uint64_t sleep_us)
{
	struct graft_target *target = park->target;
	GRAFT_FREE struct graft_injection *inj = calloc(1, sizeof(*inj));
	size_t index = graft_tracee_find(target, park->tid);

	if (!inj)
		return graft_error_no_memory();
	if (index == SIZE_MAX ||
	    !graft_loading_lead(target, index, &park->loading, deadline_ns) ||
	    !stop_again(target, index, deadline_ns))
		return graft_target_is_gone(target)
			       ? graft_tracee_gone(target)
			       : graft_error_new(
					 GRAFT_ERROR_REFUSED,
					 "thread %d does something else than loading",
					 (int)park->tid);
	struct graft_error *err = graft_injection_begin(inj, target);
	if (err)
		return err;
	inj->index = index;
	inj->tid = park->tid;
	if (!lay_down(inj, sleep_us))
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "thread %d cannot be made to sleep",
				       (int)park->tid);
	// The target's, and gone when it is detached from.
	inj->vmas = NULL;
	park->sleep = GRAFT_TAKE(inj);
	return NULL;
}

struct graft_error *
graft_park_sleep(struct graft_park *park, uint64_t lead_us, uint64_t sleep_us)
{
	uint64_t deadline_ns = graft_tracee_now_ns() + lead_us * 1000;
	struct graft_tick tick;
	struct graft_error *err = graft_tick_begin(&tick);

	if (!err) {
		err = lead(park, deadline_ns, sleep_us);
		graft_tick_end(&tick);
	}
	if (park->sleep)
		graft_tracee_detach_all(park->target);
	graft_target_detach(park->target);
	return err;
}

/** Say whether a stopped thread sleeps for us, or is about to. */
static bool
is_asleep(const struct graft_park *park, const struct user_regs_struct *regs)
{
	uint64_t call = park->target->gadgets.call;

	if (regs->rsp != park->sleep->frame.addr)
		return false;
	return (regs->rip == call && regs->rax == SYS_ppoll) ||
	       (regs->rip == call + SYSCALL_LEN &&
		regs->orig_rax == SYS_ppoll &&
		regs->rax == (uint64_t)-RESTART_NO_HANDLER);
}

/** End the sleep of a thread that we trace. */
static void
end_sleep(struct graft_park *park, size_t index)
{
	struct graft_target *target = park->target;
	struct user_regs_struct regs;

	if (!graft_tracee_interrupt(target, index, WAKE_LIMIT_NS) ||
	    ptrace(PTRACE_GETREGS, park->tid, NULL, &regs) != 0)
		return;
	if (!is_asleep(park, &regs)) {
		graft_room_mend(target, index);
		return;
	}
	// The call is over; what stands behind it leads back.
	regs.rip = target->gadgets.call + SYSCALL_LEN;
	regs.rax = 0;
	regs.orig_rax = UINT64_MAX;
	(void)ptrace(PTRACE_SETREGS, park->tid, NULL, &regs);
}

void
graft_park_wake(struct graft_park *park)
{
	struct graft_tick tick;
	size_t index;

	if (!park->sleep || graft_target_is_gone(park->target))
		return;
	struct graft_error *err = seize(park, &index);
	if (!err && !graft_target_is_gone(park->target))
		err = graft_tick_begin(&tick);
	if (!err) {
		end_sleep(park, index);
		graft_tick_end(&tick);
	}
	graft_error_free(err);
	graft_target_detach(park->target);
	free(park->sleep);
	park->sleep = NULL;
}

void
graft_park_free(struct graft_park *park)
{
	if (!park)
		return;
	graft_target_close(park->target);
	free(park->sleep);
	free(park);
}
