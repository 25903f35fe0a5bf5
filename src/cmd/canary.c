// SPDX-License-Identifier: Apache-2.0

#include "cmd/canary.h"

#include "agent/watch.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "proc/status.h"
#include "proc/target.h"

#include <stdio.h>
#include <string.h>

enum {
	/** How often canaries are looked at. */
	LOOK_US = 100 * 1000,
};

/** Say whether a process that was done is no longer there. */
static bool
has_exited(const struct graft_outcome *outcome)
{
	struct graft_proc_status status = { 0 };
	struct graft_error *err = graft_proc_status_read(outcome->pid, &status);
	bool ended = status.state == 'Z' || status.state == 'X';
	// A first thread may end before the others.
	bool gone = err || status.start_ticks != outcome->start_ticks ||
		    (ended && graft_proc_live_tid(outcome->pid) == 0);

	graft_error_free(err);
	return gone;
}

/** Say whether a process runs another program than when it was done: what it does
 * now says nothing of the hotpatch, and a supervisor may start itself anew. */
static bool
has_executed(const struct graft_outcome *outcome)
{
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	uint8_t run[GRAFT_TARGET_RUN_SIZE];
	struct graft_error *err = graft_target_open(outcome->pid, &target);

	if (!err)
		err = graft_target_run(target, run);
	bool other = !err && memcmp(run, outcome->run, sizeof(run)) != 0;
	// What cannot be looked at now is looked at again; who exited, too.
	graft_error_free(err);
	return other;
}

/** The signals that would end us now. */
static void
find_deadly(sigset_t *ret)
{
	static const int deadly[] = { SIGINT, SIGTERM, SIGHUP };

	(void)sigemptyset(ret);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		struct sigaction action;
		// Ignored by who started us (nohup, a shell's background).
		if (sigaction(deadly[i], NULL, &action) == 0 &&
		    action.sa_handler == SIG_DFL)
			(void)sigaddset(ret, deadly[i]);
	}
}

/** By which signal a process ended. */
struct death {
	pid_t pid;
	int signal;
};

static void
note_death(void *arg, const struct graft_watch_process *process, int signal)
{
	struct death *death = arg;

	if (process->pid == death->pid)
		death->signal = signal;
}

/** Say how a canary ended, as far as it is known. */
static void
describe_end(struct graft_watch *watch, const struct graft_outcome *outcome,
	     char *what, size_t size)
{
	struct death death = { .pid = outcome->pid };

	if (watch)
		graft_watch_take(watch, note_death, &death);
	const char *name = death.signal > 0 ? sigabbrev_np(death.signal) : NULL;
	if (name)
		(void)snprintf(what, size, "ended by SIG%s", name);
	else if (death.signal > 0)
		(void)snprintf(what, size, "ended by signal %d", death.signal);
	else
		(void)snprintf(what, size, "ended");
}

/** Look at all once. @return whether one has ended. */
static bool
look(struct graft_outcomes *outcomes, struct graft_watch *watch,
     uint64_t start_us, char *why, size_t size)
{
	char what[64] = "executed another program";

	for (size_t i = 0; i < outcomes->count; i++) {
		struct graft_outcome *outcome = &outcomes->items[i];
		if (outcome->err)
			continue;
		bool executed = has_executed(outcome);
		if (!executed && !has_exited(outcome))
			continue;
		if (!executed)
			describe_end(watch, outcome, what, sizeof(what));
		outcome->err = graft_error_new(
			GRAFT_ERROR_TARGET_GONE,
			"the canary %s, %.1f s after the last one was switched; nothing but canaries was touched",
			what,
			(double)(graft_clock_monotonic_us() - start_us) / 1e6);
		(void)snprintf(why, size, "canary %d (%.15s) %s",
			       (int)outcome->pid, outcome->comm, what);
		return true;
	}
	return false;
}

/** Hold on to those that are watched, to learn by which signal one ends. @return NULL: it
 * will not be known. */
static struct graft_watch *
hold(const struct graft_outcomes *outcomes, uint64_t until_us)
{
	struct graft_watch *watch = NULL;
	struct graft_error *err = graft_watch_new(&watch);

	for (size_t i = 0; !err && i < outcomes->count; i++) {
		const struct graft_outcome *outcome = &outcomes->items[i];
		if (!outcome->err)
			err = graft_watch_add(watch, outcome->pid,
					      outcome->start_ticks, NULL,
					      until_us);
	}
	graft_error_free(err);
	return watch;
}

enum graft_canary_end
graft_canary_watch(struct graft_outcomes *outcomes, uint64_t length_us,
		   char *why, size_t size, int *signal_ret)
{
	static const struct timespec pause = { .tv_nsec = LOOK_US * 1000 };
	enum graft_canary_end end = GRAFT_CANARY_WELL;
	uint64_t start_us = graft_clock_monotonic_us();
	sigset_t deadly;
	sigset_t before;
	GRAFT_CLEANUP(graft_watch_freep)
	struct graft_watch *watch = hold(outcomes, start_us + length_us);

	find_deadly(&deadly);
	(void)sigprocmask(SIG_BLOCK, &deadly, &before);
	for (;;) {
		if (look(outcomes, watch, start_us, why, size)) {
			end = GRAFT_CANARY_ENDED;
			break;
		}
		if (graft_clock_monotonic_us() - start_us >= length_us)
			break;
		int got = sigtimedwait(&deadly, NULL, &pause);
		if (got > 0) {
			*signal_ret = got;
			end = GRAFT_CANARY_INTERRUPTED;
			break;
		}
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return end;
}
