// SPDX-License-Identifier: Apache-2.0

// Processes that are watched for crashes.

#include "agent/watch.h"

#include "proc/status.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "fedcba9876543210fedcba9876543210"

/** What was told of. */
struct told {
	size_t count;
	struct graft_watch_process process;
	int signal;
};

static void
tell(void *arg, const struct graft_watch_process *process, int signal)
{
	struct told *told = arg;

	told->count++;
	told->process = *process;
	told->signal = signal;
}

/** Start a process that waits. */
static pid_t
start(uint64_t *ticks_ret)
{
	struct graft_proc_status status = { 0 };
	// cmocka catches those that mean a crash.
	for (int number = 1; number < SIGRTMIN; number++)
		(void)signal(number, SIG_DFL);
	pid_t pid = fork();
	if (pid == 0) {
		for (;;)
			(void)pause();
	}
	assert_null(graft_proc_stat_read(pid, &status));
	*ticks_ret = status.start_ticks;
	return pid;
}

static void
wait_until_told(struct graft_watch *watch, struct told *told)
{
	struct pollfd poll_fd = { .fd = graft_watch_fd(watch),
				  .events = POLLIN };

	assert_int_equal(poll(&poll_fd, 1, 60000), 1);
	graft_watch_take(watch, tell, told);
}

static void
what_a_process_died_of_is_known(void **state)
{
	(void)state;
	static const int signals[] = { SIGSEGV, SIGKILL, SIGABRT, SIGTERM };

	for (size_t i = 0; i < 4; i++) {
		GRAFT_CLEANUP(graft_watch_freep)
		struct graft_watch *watch = NULL;
		struct told told = { 0 };
		uint64_t ticks;
		pid_t pid = start(&ticks);
		assert_null(graft_watch_new(&watch));
		assert_null(graft_watch_add(watch, pid, ticks, NULL, 1));
		assert_null(
			graft_watch_add(watch, pid, ticks, ID_A, UINT64_MAX));
		assert_null(
			graft_watch_add(watch, pid, ticks, ID_A, UINT64_MAX));
		assert_null(
			graft_watch_add(watch, pid, ticks, ID_B, UINT64_MAX));
		assert_int_equal(graft_watch_count(watch), 1);
		assert_int_equal(kill(pid, signals[i]), 0);
		wait_until_told(watch, &told);
		assert_int_equal(told.count, 1);
		assert_int_equal(told.process.pid, pid);
		assert_int_equal(told.process.id_count, 2);
		assert_string_equal(told.process.ids[1], ID_B);
		assert_int_equal(told.signal, signals[i]);
		assert_int_equal(graft_watch_is_crash(told.signal),
				 signals[i] == SIGSEGV ||
					 signals[i] == SIGABRT);
		assert_int_equal(graft_watch_count(watch), 0);
		(void)waitpid(pid, NULL, 0);
	}
}

static void
one_that_was_reaped_is_known_from_elsewhere_or_not_at_all(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_watch_freep) struct graft_watch *watch = NULL;
	struct told told = { 0 };
	uint64_t ticks;
	pid_t pid = start(&ticks);

	assert_null(graft_watch_new(&watch));
	assert_null(graft_watch_add(watch, pid, ticks, ID_A, UINT64_MAX));
	assert_int_equal(kill(pid, SIGBUS), 0);
	(void)waitpid(pid, NULL, 0);
	wait_until_told(watch, &told);
	assert_true(told.signal == SIGBUS ||
		    told.signal == GRAFT_WATCH_UNKNOWN);
	pid = start(&ticks);
	assert_null(graft_watch_add(watch, pid, ticks, ID_A, UINT64_MAX));
	graft_watch_note_signal(watch, pid, SIGILL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	(void)waitpid(pid, NULL, 0);
	wait_until_told(watch, &told);
	assert_int_equal(told.signal, SIGILL);
}

static void
who_is_another_or_whose_time_is_over_is_not_watched(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_watch_freep) struct graft_watch *watch = NULL;
	uint64_t ticks;
	pid_t pid = start(&ticks);

	assert_null(graft_watch_new(&watch));
	assert_null(graft_watch_add(watch, pid, ticks + 1, ID_A, UINT64_MAX));
	assert_int_equal(graft_watch_count(watch), 0);
	assert_null(graft_watch_add(watch, pid, ticks, ID_A, 100));
	assert_null(graft_watch_add(watch, pid, ticks, NULL, 200));
	graft_watch_expire(watch, 150);
	assert_non_null(graft_watch_find(watch, pid));
	// It gets nothing more: what it got by now counts.
	graft_watch_settle(watch, pid);
	graft_watch_expire(watch, 99);
	assert_non_null(graft_watch_find(watch, pid));
	graft_watch_expire(watch, 100);
	assert_null(graft_watch_find(watch, pid));
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	assert_null(graft_watch_add(watch, pid, ticks, ID_A, UINT64_MAX));
	assert_int_equal(graft_watch_count(watch), 0);
}

static void
of_many_each_is_known(void **state)
{
	(void)state;
	enum { MANY = 700 };
	GRAFT_CLEANUP(graft_watch_freep) struct graft_watch *watch = NULL;
	struct told told = { 0 };
	static pid_t pids[MANY];
	uint64_t ticks;

	assert_null(graft_watch_new(&watch));
	for (size_t i = 0; i < MANY; i++) {
		pids[i] = start(&ticks);
		assert_null(graft_watch_add(watch, pids[i], ticks, ID_A,
					    i % 2 ? UINT64_MAX : 100));
	}
	assert_int_equal(graft_watch_count(watch), MANY);
	// Others take the places of those that are forgotten.
	graft_watch_expire(watch, 100);
	assert_int_equal(graft_watch_count(watch), MANY / 2);
	for (size_t i = 0; i < MANY; i++) {
		const struct graft_watch_process *one =
			graft_watch_find(watch, pids[i]);
		assert_int_equal(one != NULL, i % 2);
		if (one)
			assert_int_equal(one->pid, pids[i]);
	}
	assert_int_equal(kill(pids[MANY - 1], SIGSEGV), 0);
	wait_until_told(watch, &told);
	assert_int_equal(told.process.pid, pids[MANY - 1]);
	assert_int_equal(told.signal, SIGSEGV);
	for (size_t i = 0; i < MANY; i++) {
		(void)kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_process_died_of_is_known),
		cmocka_unit_test(
			one_that_was_reaped_is_known_from_elsewhere_or_not_at_all),
		cmocka_unit_test(
			who_is_another_or_whose_time_is_over_is_not_watched),
		cmocka_unit_test(of_many_each_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
