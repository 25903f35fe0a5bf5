// SPDX-License-Identifier: Apache-2.0

#include "base/fault.h"

#include "base/env.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void
an_order_is_a_name_a_pass_and_kill(void **state)
{
	(void)state;
	struct graft_fault_orders orders;
	const struct graft_fault_order *order = orders.orders;

	assert_null(graft_fault_parse("ledger-begin", &orders));
	assert_int_equal(orders.count, 1);
	assert_int_equal(order->name_len, 12);
	assert_int_equal(order->pass, 1);
	assert_false(order->kill);
	assert_null(graft_fault_parse("a:3", &orders));
	assert_int_equal(order->name_len, 1);
	assert_int_equal(order->pass, 3);
	assert_false(order->kill);
	assert_null(graft_fault_parse("a:12:kill", &orders));
	assert_int_equal(order->pass, 12);
	assert_true(order->kill);
	assert_null(graft_fault_parse("a:*:fail", &orders));
	assert_int_equal(order->pass, GRAFT_FAULT_EVERY_PASS);
	assert_false(order->kill);
}

static void
several_orders_stand_with_commas_between(void **state)
{
	(void)state;
	struct graft_fault_orders orders;

	assert_null(graft_fault_parse("a:1:kill,b,c:*:fail", &orders));
	assert_int_equal(orders.count, 3);
	assert_true(orders.orders[0].kill);
	assert_memory_equal(orders.orders[1].name, "b", 1);
	assert_int_equal(orders.orders[1].name_len, 1);
	assert_int_equal(orders.orders[1].pass, 1);
	assert_int_equal(orders.orders[2].pass, GRAFT_FAULT_EVERY_PASS);
	assert_null(graft_fault_parse("a,a,a,a,a,a,a,a", &orders));
	assert_int_equal(orders.count, GRAFT_FAULT_ORDERS_MAX);
}

static void
an_order_that_is_none_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",           ":1",   "a:",        "a:0",
		"a:-1",       "a: 1", "a:1:",      "a:1:kil",
		"a:1:killer", "a:1x", "a:1000001", "a:kill",
		"a:**",       "a,",   ",a",        "a,,b",
		"a:1,b:",     "a:,1", "a:1:ki,ll", "a,a,a,a,a,a,a,a,a"
	};
	struct graft_fault_orders orders = { .count = 99 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct graft_error *err = graft_fault_parse(bad[i], &orders);
		if (!err)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
		assert_int_equal(orders.count, 99);
		graft_error_free(err);
	}
}

/** Pass points `a`, `b`, `a`, `a` in a child: at which pass does it end? */
static int
pass_in_child(const char *order)
{
	static const char *const points[] = { "a", "b", "a", "a" };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)setenv("GRAFT_FAULT", order, 1);
		for (int i = 0; i < 4; i++) {
			if (graft_fault(points[i]))
				_exit(1 + i);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
the_named_pass_fails_and_no_other(void **state)
{
	(void)state;
	assert_int_equal(WEXITSTATUS(pass_in_child("a")), 1);
	assert_int_equal(WEXITSTATUS(pass_in_child("a:2")), 3);
	assert_int_equal(WEXITSTATUS(pass_in_child("a:3")), 4);
	assert_int_equal(WEXITSTATUS(pass_in_child("b:1")), 2);
	assert_int_equal(pass_in_child("a:4"), 0);
	assert_int_equal(pass_in_child("aa"), 0);
	assert_int_equal(WEXITSTATUS(pass_in_child("a:*")), 1);
	assert_int_equal(pass_in_child(""), 0);
}

static void
the_named_pass_kills(void **state)
{
	(void)state;
	int status = pass_in_child("a:2:kill");

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(pass_in_child("a:4:kill"), 0);
}

static void
each_order_counts_its_own_passes(void **state)
{
	(void)state;
	assert_int_equal(WEXITSTATUS(pass_in_child("a:3,b:1")), 2);
	assert_int_equal(WEXITSTATUS(pass_in_child("b:2,a:2")), 3);
	assert_int_equal(WEXITSTATUS(pass_in_child("a:3,a:2")), 3);
	assert_int_equal(pass_in_child("a:4,b:2,c"), 0);
	assert_true(WIFSIGNALED(pass_in_child("a:2:kill,b:2")));
	assert_int_equal(WEXITSTATUS(pass_in_child("a:2:kill,b")), 2);
}

static void
the_state_directory_comes_from_the_environment(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("GRAFT_STATE_DIR"), 0);
	assert_string_equal(graft_env_state_dir(), "/var/lib/graft");
	assert_int_equal(setenv("GRAFT_STATE_DIR", "", 1), 0);
	assert_string_equal(graft_env_state_dir(), "/var/lib/graft");
	assert_int_equal(setenv("GRAFT_STATE_DIR", "/x", 1), 0);
	assert_string_equal(graft_env_state_dir(), "/x");
}

static void
what_is_no_terminal_gets_no_colour(void **state)
{
	(void)state;
	int fds[2];

	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	assert_int_equal(pipe(fds), 0);
	assert_false(graft_env_color(fds[1]));
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);

	int terminal = posix_openpt(O_RDWR | O_NOCTTY);
	if (terminal < 0)
		skip();
	assert_int_equal(unsetenv("NO_COLOR"), 0);
	assert_true(graft_env_color(terminal));
	assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
	assert_false(graft_env_color(terminal));
	assert_int_equal(unsetenv("NO_COLOR"), 0);
	assert_int_equal(setenv("TERM", "dumb", 1), 0);
	assert_false(graft_env_color(terminal));
	assert_int_equal(close(terminal), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_is_a_name_a_pass_and_kill),
		cmocka_unit_test(several_orders_stand_with_commas_between),
		cmocka_unit_test(each_order_counts_its_own_passes),
		cmocka_unit_test(an_order_that_is_none_is_refused),
		cmocka_unit_test(the_named_pass_fails_and_no_other),
		cmocka_unit_test(the_named_pass_kills),
		cmocka_unit_test(
			the_state_directory_comes_from_the_environment),
		cmocka_unit_test(what_is_no_terminal_gets_no_colour),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
