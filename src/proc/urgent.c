// SPDX-License-Identifier: Apache-2.0

#include "proc/urgent.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/** glibc uses SIGRTMIN and up for itself, others start there too. */
static int
tick_signal(void)
{
	return SIGRTMAX - 2;
}

static void
on_tick(int sig)
{
	(void)sig;
}

void
graft_urgent_begin(struct graft_urgent *urgent)
{
	if (urgent->active)
		return;
	urgent->policy = sched_getscheduler(0);
	if (urgent->policy < 0 || sched_getparam(0, &urgent->param) != 0)
		return;
	int policy = urgent->policy & ~SCHED_RESET_ON_FORK;
	if (policy == SCHED_FIFO || policy == SCHED_RR ||
	    policy == 6 /* SCHED_DEADLINE */)
		return;
	struct sched_param param = { .sched_priority = 1 };
	// Not being allowed to (containers) makes the pause longer, not wrong.
	urgent->active = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK,
					    &param) == 0;
}

void
graft_urgent_end(struct graft_urgent *urgent)
{
	if (!urgent->active)
		return;
	(void)sched_setscheduler(0, urgent->policy, &urgent->param);
	urgent->active = false;
}

/** Let it tick, or not. */
static bool
set_pace(const struct graft_tick *tick, bool ticks)
{
	// Periodic: a tick that comes just before the wait is followed by one
	// that comes in it.
	long ns = ticks ? 1000 * 1000 : 0;
	struct itimerspec spec = { .it_interval.tv_nsec = ns,
				   .it_value.tv_nsec = ns };

	return timer_settime(tick->timer, 0, &spec, NULL) == 0;
}

struct graft_error *
graft_tick_begin(struct graft_tick *tick)
{
	*tick = (struct graft_tick){ .tid = gettid() };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = tick_signal(),
		._sigev_un._tid = tick->tid,
	};
	if (timer_create(CLOCK_MONOTONIC, &event, &tick->timer) != 0)
		return graft_error_os(errno, "create a timer");

	// Without SA_RESTART, so that waitpid(2) returns.
	struct sigaction action = { .sa_handler = on_tick };
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(tick_signal(), &action, &tick->old_action);
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, tick_signal());
	(void)pthread_sigmask(SIG_UNBLOCK, &set, &tick->old_mask);

	tick->active = true;
	if (!set_pace(tick, true)) {
		int errnum = errno;
		graft_tick_end(tick);
		return graft_error_os(errnum, "start a timer");
	}
	return NULL;
}

struct graft_error *
graft_tick_again(struct graft_tick *tick)
{
	// A child has neither its parent's timers nor its number.
	if (!tick->active || tick->tid != gettid())
		return graft_tick_begin(tick);
	if (!set_pace(tick, true))
		return graft_error_os(errno, "start a timer");
	return NULL;
}

void
graft_tick_rest(struct graft_tick *tick)
{
	// A signal that is queued already is delivered on the way out of the call.
	if (tick->active && !set_pace(tick, false))
		graft_tick_end(tick);
}

void
graft_tick_end(struct graft_tick *tick)
{
	// Not that of our parent: the number may be one of ours by now.
	if (!tick->active || tick->tid != gettid())
		return;
	// Deleting the timer takes a signal of it that is still queued along
	// (since 6.13), or it was delivered on the way out of the call.
	(void)timer_delete(tick->timer);
	(void)pthread_sigmask(SIG_SETMASK, &tick->old_mask, NULL);
	(void)sigaction(tick_signal(), &tick->old_action, NULL);
	tick->active = false;
}
