// SPDX-License-Identifier: Apache-2.0

// Which run of a process a target is, and whose memory it writes to.

#include "victim.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/resource.h>

/** Read the bytes by which runs are told apart; opens the process anew. */
static void
read_run(pid_t pid, uint8_t ret[GRAFT_TARGET_RUN_SIZE])
{
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	assert_null(graft_target_open(pid, &target));
	assert_null(graft_target_run(target, ret));
}

/** A process that executes another program when it is told to. */
struct executing {
	pid_t pid;
	/** What tells it, and what says that it did. */
	int gate[2];
	int done[2];
};

/** What it does. */
static int
execute_when_told(void *arg)
{
	const struct executing *it = arg;
	char byte;

	(void)dup2(it->gate[0], 0);
	// It may run in our memory: nothing of ours is changed.
	(void)!read(0, &byte, 1);
	// done[1] closes when the new program runs.
	(void)execl("/bin/cat", "cat", NULL);
	_exit(1);
}

/** Start one. @param[in] sharing It runs in our memory until then. */
static struct executing
start_executing(bool sharing)
{
	// It goes on to use both.
	static alignas(16) uint8_t stack[64 << 10];
	static struct executing it;

	assert_int_equal(pipe2(it.gate, O_CLOEXEC), 0);
	assert_int_equal(pipe2(it.done, O_CLOEXEC), 0);
	it.pid = sharing ? clone(execute_when_told, stack + sizeof(stack),
				 CLONE_VM | SIGCHLD, &it)
			 : fork();
	if (it.pid == 0)
		(void)execute_when_told(&it);
	assert_true(it.pid > 0);
	(void)close(it.done[1]);
	return it;
}

static void
let_execute(struct executing *it)
{
	char byte = 0;

	assert_int_equal(write(it->gate[1], &byte, 1), 1);
	assert_int_equal(read(it->done[0], &byte, 1), 0);
}

static void
end_executing(struct executing *it)
{
	int status;

	(void)close(it->gate[0]);
	(void)close(it->gate[1]);
	(void)close(it->done[0]);
	assert_int_equal(waitpid(it->pid, &status, 0), it->pid);
}

static void
a_process_that_executes_anew_is_another_run(void **state)
{
	(void)state;
	struct executing it = start_executing(false);

	uint8_t first[GRAFT_TARGET_RUN_SIZE];
	uint8_t again[GRAFT_TARGET_RUN_SIZE];
	uint8_t other[GRAFT_TARGET_RUN_SIZE];
	read_run(it.pid, first);
	read_run(it.pid, again);
	assert_memory_equal(first, again, sizeof(first));
	let_execute(&it);
	read_run(it.pid, other);
	assert_memory_not_equal(first, other, sizeof(first));

	end_executing(&it);
}

/** Take a target up in a child, as a guardian does. @return What the child makes of it: 0
 * it is the run that it was, 1 it is another one, 2 it is gone, 3 something else. */
static int
take_up_in_child(struct graft_target *target,
		 const uint8_t first[GRAFT_TARGET_RUN_SIZE])
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		uint8_t now[GRAFT_TARGET_RUN_SIZE];
		struct graft_error *err = graft_target_take_up(target);
		if (!err)
			err = graft_target_attach(target);
		if (!err)
			err = graft_target_run(target, now);
		bool gone = err &&
			    graft_error_code(err) == GRAFT_ERROR_TARGET_GONE;
		bool same = !err && memcmp(now, first, sizeof(now)) == 0;
		graft_target_detach(target);
		_exit(gone ? 2 : err ? 3 : same ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
a_target_that_is_taken_up_is_the_same_process_or_none(void **state)
{
	(void)state;
	struct executing it = start_executing(false);

	struct graft_target *target = NULL;
	uint8_t first[GRAFT_TARGET_RUN_SIZE];
	assert_null(graft_target_open(it.pid, &target));
	assert_null(graft_target_run(target, first));
	graft_target_lay_aside(target);
	assert_int_equal(take_up_in_child(target, first), 0);
	// It is laid aside for us still, and another child takes it up.
	assert_int_equal(take_up_in_child(target, first), 0);

	let_execute(&it);
	assert_int_equal(take_up_in_child(target, first), 1);

	end_executing(&it);
	assert_int_equal(take_up_in_child(target, first), 2);
	graft_target_close(target);
}

/** Bytes that stand in our memory and in none of another program. */
static uint8_t ours[16] = "these are ours..";

/** Write to an address of a target that is taken up, in a child, as a guardian does.
 * @return 0 it was written, 2 the process is gone, 3 something else. */
static int
write_in_child(struct graft_target *target)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		uint8_t bytes[sizeof(ours)] = { 0 };
		uint64_t addr = (uintptr_t)ours;
		struct graft_error *err = graft_target_take_up(target);
		if (!err)
			err = graft_target_attach(target);
		if (!err)
			err = graft_target_write(target, addr, bytes,
						 sizeof(bytes));
		bool gone = err &&
			    graft_error_code(err) == GRAFT_ERROR_TARGET_GONE;
		graft_target_detach(target);
		_exit(gone ? 2 : err ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
what_is_written_after_an_exec_reaches_nobody_who_shared_the_memory(void **state)
{
	static const uint8_t before[sizeof(ours)] = "these are ours..";
	struct graft_target *target = NULL;
	uint8_t first[GRAFT_TARGET_RUN_SIZE];

	(void)state;
	struct executing it = start_executing(true);
	assert_null(graft_target_open(it.pid, &target));
	assert_null(graft_target_run(target, first));
	graft_target_lay_aside(target);
	let_execute(&it);
	// Its memory is ours still, and lives on.
	assert_int_not_equal(write_in_child(target), 0);
	assert_memory_equal(ours, before, sizeof(ours));
	assert_int_equal(take_up_in_child(target, first), 1);
	graft_target_close(target);
	end_executing(&it);
}

static void
an_exec_between_taking_up_and_attaching_is_noticed(void **state)
{
	struct graft_target *target = NULL;

	(void)state;
	for (int sharing = 0; sharing < 2; sharing++) {
		struct executing it = start_executing(sharing);
		assert_null(graft_target_open(it.pid, &target));
		graft_target_lay_aside(target);
		assert_null(graft_target_take_up(target));
		let_execute(&it);
		assert_error(graft_target_attach(target),
			     GRAFT_ERROR_TARGET_GONE,
			     "exited or became another program");
		graft_target_close(target);
		end_executing(&it);
	}
}

static void
a_target_is_taken_up_where_descriptors_are_scarce(void **state)
{
	struct graft_target *target = NULL;
	uint8_t first[GRAFT_TARGET_RUN_SIZE];
	struct rlimit few;
	struct rlimit before;

	(void)state;
	struct executing it = start_executing(false);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_null(graft_target_open(it.pid, &target));
	assert_null(graft_target_run(target, first));
	int next = dup(0);
	(void)close(next);
	few = before;
	few.rlim_cur = (rlim_t)next + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	graft_target_lay_aside(target);
	int opened = dup(0);
	int and_another = dup(0);
	int result = take_up_in_child(target, first);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	// Its memory was closed to make room.
	assert_true(opened >= 0 && and_another >= 0);
	(void)close(opened);
	(void)close(and_another);
	assert_int_equal(result, 3);
	assert_int_equal(take_up_in_child(target, first), 0);
	graft_target_close(target);
	let_execute(&it);
	end_executing(&it);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_that_executes_anew_is_another_run),
		cmocka_unit_test(
			a_target_that_is_taken_up_is_the_same_process_or_none),
		cmocka_unit_test(
			what_is_written_after_an_exec_reaches_nobody_who_shared_the_memory),
		cmocka_unit_test(
			an_exec_between_taking_up_and_attaching_is_noticed),
		cmocka_unit_test(
			a_target_is_taken_up_where_descriptors_are_scarce),
	};
	(void)prctl(PR_SET_NAME, "test_run");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
