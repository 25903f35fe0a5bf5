// SPDX-License-Identifier: Apache-2.0

#include "inside_child.h"

#include <signal.h>

static void
on_signal(int sig)
{
	(void)sig;
	stand();
}

static void
handle_on_other_stack(void)
{
	// Far from all stacks, with pages around it that cannot be read.
	char *memory = mmap(NULL, 1 << 20, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = memory + (256 << 10), .ss_size = 128 << 10 };
	(void)mprotect(stack.ss_sp, stack.ss_size, PROT_READ | PROT_WRITE);
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_ONSTACK };
	(void)sigaltstack(&stack, NULL);
	(void)sigaction(SIGUSR1, &action, NULL);
}

static INSIDE void
signal_inside(void)
{
	(void)raise(SIGUSR1);
	NO_TAIL_CALL();
}

static void *
thread_signal_inside(void *arg)
{
	handle_on_other_stack();
	signal_inside();
	return arg;
}

static void
signalled_inside(void)
{
	start_threads(thread_signal_inside, 1, 0);
	while (atomic_load(&told->ready) < 1)
		(void)usleep(100);
	(void)thread_signal_inside(NULL);
}

static void
what_a_signal_interrupted_is_found_from_another_stack(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, signalled_inside, 2);
	child_check_inside(&child);
	assert_int_equal(child.count, 2);
	assert_true(child.hits[0].certain);
	assert_true(child.hits[1].certain);
	child_end(&child);
}

/** Signal the thread that spins inside, once it does. */
static void *
interrupt_spinner(void *arg)
{
	pthread_t spinner = (pthread_t)(uintptr_t)arg;
	while (atomic_load(&told->ready) < 1)
		(void)usleep(100);
	(void)pthread_kill(spinner, SIGUSR1);
	return NULL;
}

/** A signal meets the thread at an instruction of its own. */
static void
interrupted_inside(void)
{
	pthread_t thread;
	handle_on_other_stack();
	(void)pthread_create(&thread, NULL, interrupt_spinner,
			     (void *)(uintptr_t)pthread_self());
	spin_inside();
}

static void
a_pc_in_a_signal_frame_is_exact(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, interrupted_inside, 2);
	child_check_inside(&child);
	assert_int_equal(child.count, 1);
	assert_true(child.hits[0].certain);
	assert_in_range(child.hits[0].pc, (uintptr_t)spin_inside,
			(uintptr_t)__stop_inside_text - 1);
	child_end(&child);
}

static void
signal_over_left_overs(void)
{
	handle_on_other_stack();
	return_soon(100);
	stand_on_left_overs((void (*)(void))(uintptr_t)signal_inside);
}

static void
raise_outside(void)
{
	(void)raise(SIGUSR1);
	NO_TAIL_CALL();
}

static void
signal_outside_over_left_overs(void)
{
	handle_on_other_stack();
	return_soon(100);
	stand_on_left_overs(raise_outside);
}

static void
left_overs_below_a_signal_are_dismissed(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, signal_outside_over_left_overs, 1);
	assert_true((intptr_t)told->words[0] >= 10);
	child_check_inside(&child);
	assert_int_equal(child.count, 0);
	child_end(&child);

	child_start(&child, signal_over_left_overs, 1);
	child_check_inside(&child);
	assert_int_equal(child.count, 1);
	assert_true(child.hits[0].certain);
	child_end(&child);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_a_signal_interrupted_is_found_from_another_stack),
		cmocka_unit_test(a_pc_in_a_signal_frame_is_exact),
		cmocka_unit_test(left_overs_below_a_signal_are_dismissed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
