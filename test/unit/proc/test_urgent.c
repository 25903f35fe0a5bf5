// SPDX-License-Identifier: Apache-2.0

#include "victim.h"

#include "proc/urgent.h"

#include <errno.h>
#include <time.h>

/** Say whether a sleep of 50 ms is ended by a tick. */
static bool
is_ended(void)
{
	struct timespec sleep = { .tv_nsec = 50 * 1000 * 1000 };

	return nanosleep(&sleep, NULL) != 0 && errno == EINTR;
}

static int
signal_of_ticks(void)
{
	return SIGRTMAX - 2;
}

static void
what_rests_does_not_tick_and_ticks_again(void **state)
{
	(void)state;
	struct graft_tick tick = { 0 };

	for (int i = 0; i < 3; i++) {
		assert_ok(graft_tick_again(&tick));
		assert_true(is_ended());
		graft_tick_rest(&tick);
		assert_false(is_ended());
	}
	graft_tick_end(&tick);
	assert_false(is_ended());
	assert_false(tick.active);
	// Nothing is at rest any more.
	graft_tick_rest(&tick);
	graft_tick_end(&tick);
}

static void
a_timer_is_made_once(void **state)
{
	(void)state;
	struct graft_tick tick = { 0 };

	assert_ok(graft_tick_again(&tick));
	timer_t timer = tick.timer;
	graft_tick_rest(&tick);
	assert_ok(graft_tick_again(&tick));
	assert_ptr_equal(tick.timer, timer);
	graft_tick_end(&tick);
}

static void
what_was_there_before_is_there_afterwards(void **state)
{
	(void)state;
	struct graft_tick tick = { 0 };
	struct sigaction action;
	sigset_t before, after;

	(void)sigemptyset(&before);
	(void)sigaddset(&before, signal_of_ticks());
	assert_int_equal(sigprocmask(SIG_BLOCK, &before, NULL), 0);
	assert_ok(graft_tick_again(&tick));
	assert_true(is_ended());
	graft_tick_rest(&tick);
	graft_tick_end(&tick);
	assert_int_equal(sigprocmask(SIG_UNBLOCK, &before, &after), 0);
	assert_int_equal(sigismember(&after, signal_of_ticks()), 1);
	assert_int_equal(sigaction(signal_of_ticks(), NULL, &action), 0);
	assert_true(action.sa_handler == SIG_DFL);
}

static void
a_child_makes_its_own_and_leaves_that_of_its_parent(void **state)
{
	(void)state;
	struct graft_tick tick = { 0 };
	int status;

	assert_ok(graft_tick_again(&tick));
	graft_tick_rest(&tick);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct graft_tick copy = tick;
		graft_tick_end(&copy);
		struct graft_error *err = graft_tick_again(&tick);
		bool ok = copy.active && !err && is_ended();
		graft_tick_rest(&tick);
		_exit(ok && !is_ended() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_ok(graft_tick_again(&tick));
	assert_true(is_ended());
	graft_tick_end(&tick);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_rests_does_not_tick_and_ticks_again),
		cmocka_unit_test(a_timer_is_made_once),
		cmocka_unit_test(what_was_there_before_is_there_afterwards),
		cmocka_unit_test(
			a_child_makes_its_own_and_leaves_that_of_its_parent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
