// SPDX-License-Identifier: Apache-2.0

#include "apply/lock.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	/** No process has such a number (PID_MAX_LIMIT). */
	NOBODY = 5 * 1000 * 1000,
};

static int
make_dir(void **state)
{
	char *dir = strdup("/tmp/graft-lock-XXXXXX");

	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static int
remove_dir(void **state)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/processes.lock", (char *)*state);
	int bad = unlink(path) | rmdir(*state);
	free(*state);
	return bad;
}

static void
expect_held(const char *dir, pid_t pid)
{
	struct graft_lock lock = { 0 };
	struct graft_error *err = graft_lock_take(dir, NULL, pid, 0, &lock);

	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_REFUSED);
	assert_false(lock.held);
	graft_error_free(err);
}

static void
a_process_is_locked_once_at_a_time(void **state)
{
	struct graft_lock one = { 0 };
	struct graft_lock other = { 0 };

	assert_null(graft_lock_take(*state, NULL, 100, 0, &one));
	expect_held(*state, 100);
	assert_null(graft_lock_take(*state, NULL, 101, 0, &other));
	graft_lock_deinit(&one);
	assert_null(graft_lock_take(*state, NULL, 100, 0, &one));
	graft_lock_deinit(&one);
	graft_lock_deinit(&other);
	graft_lock_deinit(&other);
}

static void
a_child_holds_the_lock_of_a_tool_that_was_killed(void **state)
{
	int pipes[2];
	int status;

	assert_int_equal(pipe(pipes), 0);
	pid_t tool = fork();
	if (tool == 0) {
		struct graft_lock lock = { 0 };
		struct graft_error *err = graft_lock_take(*state, NULL, 7, 0,
							  &lock);
		// The guardian: lives until the pipe is closed.
		pid_t guardian = err ? -1 : fork();
		if (guardian == 0) {
			char byte;
			(void)close(pipes[1]);
			(void)!read(pipes[0], &byte, 1);
			_exit(0);
		}
		_exit(guardian > 0 ? 0 : 1);
	}
	(void)close(pipes[0]);
	assert_int_equal(waitpid(tool, &status, 0), tool);
	assert_int_equal(status, 0);
	expect_held(*state, 7);
	(void)close(pipes[1]);
	struct graft_lock lock = { 0 };
	assert_null(graft_lock_take(*state, NULL, 7, 5 * 1000 * 1000, &lock));
	graft_lock_deinit(&lock);
}

static void
who_keeps_another_ledger_waits_too(void **state)
{
	struct graft_lock one = { 0 };
	struct graft_lock other = { 0 };
	char dir[] = "/tmp/graft-lock-XXXXXX";
	char locks[64];

	assert_non_null(mkdtemp(dir));
	(void)snprintf(locks, sizeof(locks), "%s/processes.lock", dir);
	pid_t pid = fork();
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	assert_null(graft_lock_take(*state, NULL, pid, 0, &one));
	struct graft_error *err = graft_lock_take(dir, NULL, pid, 0, &other);
	assert_non_null(err);
	assert_non_null(strstr(graft_error_message(err), "another ledger"));
	graft_error_free(err);
	graft_lock_deinit(&one);
	assert_null(graft_lock_take(dir, NULL, pid, 0, &other));
	expect_held(*state, pid);
	graft_lock_deinit(&other);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(unlink(locks) | rmdir(dir), 0);
}

static void
one_file_holds_the_locks_of_many(void **state)
{
	enum { MANY = 40 };
	GRAFT_CLEANUP(graft_locks_deinit) struct graft_locks ours = { 0 };
	struct graft_lock locks[MANY] = { 0 };
	struct graft_lock other = { 0 };

	// A number that is somebody's would be claimed.
	for (pid_t i = 0; i < MANY; i++)
		assert_null(graft_lock_take(*state, &ours, NOBODY + i, 0,
					    &locks[i]));
	for (pid_t i = 0; i < MANY; i++)
		expect_held(*state, NOBODY + i);
	// To let go of one is no reason to let go of its neighbours.
	graft_lock_deinit(&locks[1]);
	expect_held(*state, NOBODY);
	expect_held(*state, NOBODY + 2);
	assert_null(graft_lock_take(*state, NULL, NOBODY + 1, 0, &other));
	struct graft_error *err = graft_lock_take(*state, &ours, NOBODY + 1, 0,
						  &locks[1]);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_REFUSED);
	graft_error_free(err);
	graft_lock_deinit(&other);
	for (pid_t i = 0; i < MANY; i++)
		graft_lock_deinit(&locks[i]);
	assert_null(graft_lock_take(*state, NULL, NOBODY, 0, &other));
	graft_lock_deinit(&other);
}

static void
a_lock_is_gone_with_who_held_it(void **state)
{
	struct graft_lock lock = { 0 };
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(graft_lock_take(*state, NULL, NOBODY, 0, &lock) ? 1 : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_null(graft_lock_take(*state, NULL, NOBODY, 0, &lock));
	graft_lock_deinit(&lock);
}

static void
a_link_is_not_followed(void **state)
{
	struct graft_lock lock = { 0 };
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/processes.lock", (char *)*state);
	assert_int_equal(symlink("/dev/null", path), 0);
	struct graft_error *err = graft_lock_take(*state, NULL, NOBODY, 0,
						  &lock);
	assert_non_null(err);
	graft_error_free(err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_process_is_locked_once_at_a_time, make_dir,
			remove_dir),
		cmocka_unit_test_setup_teardown(
			who_keeps_another_ledger_waits_too, make_dir,
			remove_dir),
		cmocka_unit_test_setup_teardown(
			a_child_holds_the_lock_of_a_tool_that_was_killed,
			make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			one_file_holds_the_locks_of_many, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_lock_is_gone_with_who_held_it,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_link_is_not_followed,
						make_dir, remove_dir),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
