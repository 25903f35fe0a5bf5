// SPDX-License-Identifier: Apache-2.0

// graft_target_check_filters(): can threads with seccomp filters be stopped?

#include "proc/seccomp.h"
#include "proc/status.h"
#include "proc/target.h"
#include "proc/tracee.h"
#include "proc/urgent.h"

#include <assert.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	SURVEY_POLL_US = 5 * 1000,
	/** How long a thread may take to stop: 0.1 s. */
	SURVEY_STOP_NS = 100 * 1000 * 1000,
};

/** How long to look for a thread whose filters may be read: 2 s. */
static const uint64_t SURVEY_LIMIT_NS = UINT64_C(2000000000);

/** May our interrupt make the kernel restart this call by restart_syscall(2)? */
static bool
has_restart_block(long nr)
{
	switch (nr) {
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
	case SYS_poll:
	case SYS_futex:
	case SYS_restart_syscall:
		return true;
	default:
		// Also -1: blocked, but in no system call.
		return nr < 0;
	}
}

/** Say whether a thread waits in a call of which a stop leaves no trace. */
static bool
waits_harmlessly(pid_t pid, pid_t tid)
{
	char text[256];
	char *end;

	if (graft_proc_slurp(text, sizeof(text), "/proc/%d/task/%d/syscall",
			     (int)pid, (int)tid) <= 0)
		return false;
	long nr = strtol(text, &end, 10);
	return end != text && !has_restart_block(nr);
}

/** Ask the filters of a stopped thread what every stop needs. */
static struct graft_error *
judge(pid_t tid, size_t *count_ret)
{
	static const struct graft_bpf_call restart = {
		.nr = SYS_restart_syscall
	};
	static const struct graft_bpf_call sigreturn = {
		.nr = SYS_rt_sigreturn
	};
	GRAFT_CLEANUP(graft_filters_deinit)
	struct graft_filters filters = { 0 };
	struct graft_error *err = graft_filters_read(tid, &filters);
	if (err)
		return err;
	*count_ret = filters.count;
	if (graft_filters_ask(&filters, &restart) != GRAFT_FILTERS_ALLOW)
		return graft_filters_refuse(
			tid, "has a filter that does not always allow "
			     "restart_syscall, by which the kernel takes "
			     "up a sleep after a stop");
	if (graft_filters_ask(&filters, &sigreturn) != GRAFT_FILTERS_ALLOW)
		return graft_filters_refuse(
			tid, "has a filter that does not always allow "
			     "rt_sigreturn, by which a thread goes back "
			     "from a call that it made for us");
	return NULL;
}

/** Stop one thread, judge its filters, let it go. */
static struct graft_error *
judge_thread(struct graft_target *target, size_t index, bool *done_ret,
	     size_t *count_ret)
{
	struct graft_error *err = NULL;
	struct user_regs_struct regs;

	*done_ret = false;
	if (graft_tracee_interrupt(target, index, SURVEY_STOP_NS)) {
		pid_t tid = target->tracees[index].tid;
		if (ptrace(PTRACE_GETREGS, tid, NULL, &regs) == 0)
			graft_tracee_mend(&target->tracees[index], &regs);
		err = judge(tid, count_ret);
		*done_ret = true;
	}
	graft_tracee_go(target, index, PTRACE_CONT);
	return err;
}

/** Judge one thread that waits harmlessly. */
static struct graft_error *
judge_some(struct graft_target *target, size_t *count_ret, bool *done_ret)
{
	*done_ret = false;
	for (size_t i = 0; i < target->count && !*done_ret; i++) {
		const struct graft_tracee *tracee = &target->tracees[i];
		if (tracee->state != GRAFT_TRACEE_RUNNING || tracee->stranger ||
		    !waits_harmlessly(target->pid, tracee->tid))
			continue;
		struct graft_error *err = judge_thread(target, i, done_ret,
						       count_ret);
		if (err)
			return err;
	}
	return NULL;
}

/** See that all threads have as many filters as the one that was judged. */
static struct graft_error *
compare_counts(struct graft_target *target, size_t count)
{
	for (size_t i = 0; i < target->count; i++) {
		struct graft_proc_status status = { 0 };
		pid_t tid = target->tracees[i].tid;
		struct graft_error *err = graft_proc_status_glance(tid,
								   &status);
		bool ended = err || status.state == 'Z';
		graft_error_free(err);
		if (!ended && status.seccomp_filters != count)
			return graft_filters_refuse(
				tid, "has other filters than the one "
				     "whose filters could be read");
	}
	return NULL;
}

/** Keep what was seen of the first thread, if it lives. */
static void
note_leader(struct graft_target *target, pid_t tid,
	    const struct graft_proc_status *status)
{
	if (tid != target->pid || status->state == 'Z' || status->state == 'X')
		return;
	target->status = *status;
	target->has_status = true;
}

void
graft_target_survey(struct graft_target *target)
{
	bool found = false;

	assert(target->state == GRAFT_TARGET_ATTACHED ||
	       target->state == GRAFT_TARGET_GONE);
	target->surveyed = true;
	for (size_t i = 0; i < target->count && !found; i++) {
		struct graft_proc_status status = { 0 };
		pid_t tid = target->tracees[i].tid;
		struct graft_error *err = graft_proc_status_glance(tid,
								   &status);
		if (!err)
			note_leader(target, tid, &status);
		found = !err && status.seccomp != SECCOMP_MODE_DISABLED;
		if (err || found || status.shadow_stack)
			target->surveyed = false;
		graft_error_free(err);
	}
	target->filtered = found;
}

/** Look for a thread to judge, for a while. */
static struct graft_error *
survey(struct graft_target *target)
{
	uint64_t deadline_ns = graft_tracee_now_ns() + SURVEY_LIMIT_NS;

	while (graft_tracee_now_ns() < deadline_ns) {
		size_t count = 0;
		bool done = false;
		graft_tracee_service(target);
		struct graft_error *err = judge_some(target, &count, &done);
		if (!err && done)
			err = compare_counts(target, count);
		if (err || done)
			return err;
		if (graft_target_is_gone(target))
			return graft_tracee_gone(target);
		(void)usleep(SURVEY_POLL_US);
	}
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"seccomp: process %d (%s) has no thread that waits in a call "
		"like read or epoll_wait, so its filter cannot be read without "
		"risk",
		target->pid, target->comm);
}

struct graft_error *
graft_tracee_check_return(struct graft_target *target)
{
	struct graft_proc_status status;

	if (target->surveyed)
		return graft_target_is_gone(target) ? graft_tracee_gone(target)
						    : NULL;
	struct graft_error *err = graft_proc_status_glance(target->pid,
							   &status);
	// A leader that ended says nothing of what the others share.
	if (!err && (status.state == 'Z' || status.state == 'X')) {
		pid_t tid = graft_proc_live_tid(target->pid);
		if (tid == 0)
			return graft_tracee_gone(target);
		err = graft_proc_status_glance(tid, &status);
	}
	if (err)
		return err;
	if (graft_target_is_gone(target))
		return graft_tracee_gone(target);
	if (status.shadow_stack)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "process %d (%s) has a shadow stack, "
				       "which forbids the return from a call "
				       "that it did not make",
				       target->pid, target->comm);
	if (status.seccomp == 1)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "process %d (%s) is in strict seccomp "
				       "mode: a system call would kill it",
				       target->pid, target->comm);
	return NULL;
}

struct graft_error *
graft_target_check_filters(struct graft_target *target)
{
	struct graft_tick tick;

	if (!target->filtered)
		return NULL;
	struct graft_error *err = graft_tick_begin(&tick);
	if (err)
		return err;
	err = survey(target);
	graft_tick_end(&tick);
	return err;
}
