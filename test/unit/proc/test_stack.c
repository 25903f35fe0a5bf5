// SPDX-License-Identifier: Apache-2.0

#include "inside_child.h"

enum { DEEP_BYTES = 8 << 20 };

static INSIDE void
recurse_and_stand(int depth)
{
	if (depth == 0)
		stand();
	else
		recurse_and_stand(depth - 1);
	NO_TAIL_CALL();
}

/** Go down by some bytes, in small frames, then stand. */
static NOINLINE void
go_down(uintptr_t until)
{
	char here;
	if ((uintptr_t)&here > until)
		go_down(until);
	else
		stand();
	NO_TAIL_CALL();
}

static INSIDE void
go_down_from_inside(uintptr_t bytes)
{
	char here;
	go_down((uintptr_t)&here - bytes);
	NO_TAIL_CALL();
}

static void
all_outside(void)
{
	start_threads(thread_stand, 20, 0);
	stand();
}

static void
no_thread_inside_is_no_hit(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, all_outside, 21);
	child_check_inside(&child);
	assert_int_equal(child.count, 0);
	child_end(&child);
}

static void
one_inside(void)
{
	start_threads(thread_inside, 1, 0);
	while (atomic_load(&told->ready) < 1)
		(void)usleep(100);
	start_threads(thread_stand, 9, 0);
	stand();
}

static void
a_thread_inside_is_a_certain_hit(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, one_inside, 11);
	child_check_inside(&child);
	assert_int_equal(child.count, 1);
	assert_int_equal(child.hits[0].tid, told->tids[0]);
	assert_true(child.hits[0].certain);
	assert_true(child.hits[0].addr != 0);
	assert_in_range(child.hits[0].pc, (uintptr_t)stand_inside,
			(uintptr_t)__stop_inside_text);

	// It is said again after the target ran on.
	graft_target_release(child.target);
	must(graft_target_attach(child.target));
	child_stop(&child);
	must(graft_stack_check_run(child.check, &child.hits, &child.count));
	assert_int_equal(child.count, 1);
	child_end(&child);
}

static void
a_thread_that_runs_inside_is_a_hit_without_an_address(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, spin_inside, 1);
	child_check_inside(&child);
	assert_int_equal(child.count, 1);
	assert_int_equal(child.hits[0].tid, child.pid);
	assert_int_equal(child.hits[0].addr, 0);
	assert_true(child.hits[0].certain);
	child_end(&child);
}

static void
left_overs_of_threads(void)
{
	start_threads(thread_left_overs, 4, 0);
	while (atomic_load(&told->ready) < 4)
		(void)usleep(100);
	(void)thread_left_overs(NULL);
}

static void
left_over_words_are_dismissed(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, left_overs_of_threads, 5);
	assert_true((intptr_t)told->words[0] >= 10);
	child_check_inside(&child);
	assert_int_equal(child.count, 0);
	child_end(&child);
}

static void
without_tables_left_over_words_leave_it_unsure(void **state)
{
	(void)state;
	struct child child = { 0 };
	// Not on our stack, of which the child has a copy.
	static const struct graft_range elsewhere = { UINT64_C(1) << 60,
						      (UINT64_C(1) << 60) + 1 };
	child_start(&child, left_overs_of_threads, 5);
	must(graft_stack_check_new(child.target, child.maps, &elsewhere, 1,
				   &child.check));
	child_stop(&child);
	must(graft_stack_check_run(child.check, &child.hits, &child.count));
	assert_int_equal(child.count, 0);
	assert_false(graft_stack_check_is_unsure(child.check));
	graft_target_release(child.target);
	graft_stack_check_free(child.check);

	must(graft_target_attach(child.target));
	struct graft_range range = {
		.start = (uintptr_t)__start_inside_text,
		.end = (uintptr_t)__stop_inside_text,
	};
	must(graft_stack_check_new(child.target, child.maps, &range, 1,
				   &child.check));
	child_stop(&child);
	must(graft_stack_check_run(child.check, &child.hits, &child.count));
	assert_true(graft_stack_check_is_unsure(child.check));
	graft_target_release(child.target);

	// With them it is sure, and the words are dismissed.
	must(graft_target_attach(child.target));
	must(graft_stack_check_open_tables(child.check));
	child_stop(&child);
	must(graft_stack_check_run(child.check, &child.hits, &child.count));
	assert_false(graft_stack_check_is_unsure(child.check));
	assert_int_equal(child.count, 0);
	child_end(&child);
}

static void
recursion(void)
{
	recurse_and_stand(1000);
}

static void
recursion_is_one_hit(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, recursion, 1);
	child_check_inside(&child);
	assert_int_equal(child.count, 1);
	assert_true(child.hits[0].certain);
	child_end(&child);
}

static void *
thread_deep_inside(void *arg)
{
	go_down_from_inside(DEEP_BYTES - 64 * 1024);
	return arg;
}

static void *
thread_deep(void *arg)
{
	char here;
	return_soon(100);
	go_down((uintptr_t)&here - (DEEP_BYTES - 64 * 1024));
	return arg;
}

static void
deep(void)
{
	start_threads(thread_deep_inside, 1, DEEP_BYTES);
	while (atomic_load(&told->ready) < 1)
		(void)usleep(100);
	start_threads(thread_deep, 1, DEEP_BYTES);
	while (atomic_load(&told->ready) < 2)
		(void)usleep(100);
	go_down_from_inside(7 << 20);
}

static void
a_frame_at_the_end_of_a_stack_of_8_mib_is_found(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, deep, 3);
	child_check_inside(&child);
	assert_int_equal(child.count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(child.hits[i].certain);
		assert_true(child.hits[i].tid == child.pid ||
			    child.hits[i].tid == told->tids[0]);
	}
	child_end(&child);
}

// A function without unwind tables that calls its argument.
void
call_without_fde(void (*fn)(void));
__asm__(".pushsection .text\n"
	".globl call_without_fde\n"
	".type call_without_fde, @function\n"
	"call_without_fde:\n"
	"	sub $8, %rsp\n"
	"	call *%rdi\n"
	"	add $8, %rsp\n"
	"	ret\n"
	".size call_without_fde, . - call_without_fde\n"
	".popsection\n");

static NOINLINE void
stand_without_fde(void)
{
	call_without_fde(stand);
	NO_TAIL_CALL();
}

static void
left_overs_above_no_fde(void)
{
	return_soon(100);
	stand_on_left_overs(stand_without_fde);
}

static void
left_overs_above_a_frame_without_fde_are_not_dismissed(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, left_overs_above_no_fde, 1);
	assert_true((intptr_t)told->words[0] >= 10);
	child_check_inside(&child);
	assert_int_equal(child.count, 1);
	assert_false(child.hits[0].certain);
	child_end(&child);
}

// The function and its cold fragment, which calls as its last instruction.
static __attribute__((section("inside_cold_text"), noinline, used)) void
stand_in_fragment(void)
{
	stand();
	__builtin_unreachable();
}
extern const char __start_inside_cold_text[];
extern const char __stop_inside_cold_text[];

static void
in_fragment(void)
{
	stand_in_fragment();
	NO_TAIL_CALL();
}

static void
each_range_is_told_apart(void **state)
{
	(void)state;
	struct child child = { 0 };
	struct graft_range ranges[] = {
		{ 0x1000, 0x2000 },
		{ (uintptr_t)__stop_inside_text,
		  (uintptr_t)__stop_inside_text },
		{ (uintptr_t)__start_inside_text,
		  (uintptr_t)__stop_inside_text },
		{ (uintptr_t)__start_inside_cold_text,
		  (uintptr_t)__stop_inside_cold_text },
	};
	child_start(&child, in_fragment, 1);
	child_check(&child, ranges, 4, false);
	assert_int_equal(child.count, 1);
	assert_int_equal(child.hits[0].range, 3);
	assert_true(child.hits[0].certain);
	child_end(&child);
}

static void
no_ranges_are_no_hits(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, recursion, 1);
	child_check(&child, NULL, 0, true);
	assert_int_equal(child.count, 0);
	child_end(&child);
}

static void
leader_exits(void)
{
	start_threads(thread_inside, 1, 0);
	start_threads(thread_stand, 1, 0);
	pthread_exit(NULL);
}

static void
threads_are_found_when_the_leader_has_exited(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, leader_exits, 2);
	child_check_inside(&child);
	assert_int_equal(child.count, 1);
	assert_true(child.hits[0].certain);
	child_end(&child);
}

static void
many(void)
{
	start_threads(thread_inside, 100, 64 << 10);
	start_threads(thread_left_overs, 100, 64 << 10);
	stand();
}

static void
a_hundred_threads_inside_are_a_hundred_hits(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, many, 201);
	child_check_inside(&child);
	assert_int_equal(child.count, 100);
	for (size_t i = 0; i < child.count; i++)
		assert_true(child.hits[i].certain);
	child_end(&child);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_thread_inside_is_no_hit),
		cmocka_unit_test(a_thread_inside_is_a_certain_hit),
		cmocka_unit_test(
			a_thread_that_runs_inside_is_a_hit_without_an_address),
		cmocka_unit_test(left_over_words_are_dismissed),
		cmocka_unit_test(
			without_tables_left_over_words_leave_it_unsure),
		cmocka_unit_test(recursion_is_one_hit),
		cmocka_unit_test(
			a_frame_at_the_end_of_a_stack_of_8_mib_is_found),
		cmocka_unit_test(
			left_overs_above_a_frame_without_fde_are_not_dismissed),
		cmocka_unit_test(each_range_is_told_apart),
		cmocka_unit_test(no_ranges_are_no_hits),
		cmocka_unit_test(threads_are_found_when_the_leader_has_exited),
		cmocka_unit_test(a_hundred_threads_inside_are_a_hundred_hits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
