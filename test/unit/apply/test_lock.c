// SPDX-License-Identifier: Apache-2.0

#include "apply/lock.h"

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

	(void)snprintf(path, sizeof(path), "%s/locks", (char *)*state);
	int bad = rmdir(path) | rmdir(*state);
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
	assert_null(lock.path);
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
	(void)snprintf(locks, sizeof(locks), "%s/locks", dir);
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
	assert_int_equal(rmdir(locks), 0);
	graft_lock_deinit(&one);
	assert_null(graft_lock_take(dir, NULL, pid, 0, &other));
	expect_held(*state, pid);
	graft_lock_deinit(&other);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(rmdir(locks) | rmdir(dir), 0);
}

/** Say which file has a name in the folder of locks; 0: none. */
static ino_t
file_of(const char *dir, const char *name)
{
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/locks/%s", dir, name);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void
a_file_serves_for_the_next_process(void **state)
{
	struct graft_lock_spares spares = { 0 };
	struct graft_lock lock = { 0 };
	struct graft_lock other = { 0 };

	assert_null(graft_lock_take(*state, &spares, 100, 0, &lock));
	ino_t file = file_of(*state, "100");
	assert_true(file != 0);
	graft_lock_deinit(&lock);
	assert_int_equal(file_of(*state, "100"), 0);
	assert_int_equal(file_of(*state, "spare.0"), file);

	assert_null(graft_lock_take(*state, &spares, 101, 0, &lock));
	assert_int_equal(file_of(*state, "101"), file);
	assert_int_equal(file_of(*state, "spare.0"), 0);
	expect_held(*state, 101);
	assert_null(graft_lock_take(*state, NULL, 100, 0, &other));
	graft_lock_deinit(&other);
	graft_lock_deinit(&lock);
	assert_null(graft_lock_take(*state, NULL, 101, 0, &other));

	// It is no lock where another file is one.
	struct graft_error *err = graft_lock_take(*state, &spares, 101, 0,
						  &lock);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_REFUSED);
	graft_error_free(err);
	assert_int_equal(file_of(*state, "spare.0"), file);
	graft_lock_deinit(&other);
	graft_lock_spares_deinit(&spares);
	assert_int_equal(file_of(*state, "spare.0"), 0);
}

static void
more_files_than_are_kept_are_removed(void **state)
{
	struct graft_lock_spares spares = { 0 };
	struct graft_lock locks[GRAFT_LOCK_SPARES + 2] = { 0 };

	for (pid_t i = 0; i < GRAFT_LOCK_SPARES + 2; i++)
		assert_null(graft_lock_take(*state, &spares, 100 + i, 0,
					    &locks[i]));
	for (pid_t i = 0; i < GRAFT_LOCK_SPARES + 2; i++)
		graft_lock_deinit(&locks[i]);
	for (pid_t i = 0; i < GRAFT_LOCK_SPARES + 2; i++)
		assert_null(graft_lock_take(*state, &spares, 200 + i, 0,
					    &locks[i]));
	for (pid_t i = 0; i < GRAFT_LOCK_SPARES + 2; i++)
		expect_held(*state, 200 + i);
	for (pid_t i = 0; i < GRAFT_LOCK_SPARES + 2; i++)
		graft_lock_deinit(&locks[i]);
	// remove_dir() fails where a file is left.
	graft_lock_spares_deinit(&spares);
}

static void
what_is_left_of_who_was_killed_is_removed(void **state)
{
	struct graft_lock_spares spares = { 0 };
	struct graft_lock_spares busy = { 0 };
	struct graft_lock lock = { 0 };
	char path[128];

	// Somebody else keeps the first one, and the second is left.
	assert_null(graft_lock_take(*state, &busy, 100, 0, &lock));
	graft_lock_deinit(&lock);
	ino_t held = file_of(*state, "spare.0");
	(void)snprintf(path, sizeof(path), "%s/locks/spare.1", (char *)*state);
	assert_int_equal(close(creat(path, 0600)), 0);

	assert_null(graft_lock_take(*state, &spares, 101, 0, &lock));
	ino_t ours = file_of(*state, "101");
	graft_lock_deinit(&lock);
	assert_int_equal(file_of(*state, "spare.0"), held);
	assert_int_equal(file_of(*state, "spare.1"), ours);
	graft_lock_spares_deinit(&spares);
	graft_lock_spares_deinit(&busy);
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
			a_file_serves_for_the_next_process, make_dir,
			remove_dir),
		cmocka_unit_test_setup_teardown(
			more_files_than_are_kept_are_removed, make_dir,
			remove_dir),
		cmocka_unit_test_setup_teardown(
			what_is_left_of_who_was_killed_is_removed, make_dir,
			remove_dir),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
