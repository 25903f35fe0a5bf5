// SPDX-License-Identifier: Apache-2.0

#include "inside_child.h"

#include <sys/mman.h>
#include <ucontext.h>

static ucontext_t fibre;
static ucontext_t scheduler;

static INSIDE void
yield_inside(ucontext_t *from, ucontext_t *to)
{
	(void)swapcontext(from, to);
	NO_TAIL_CALL();
}

static void
run_fibre(void)
{
	yield_inside(&fibre, &scheduler);
}

static void
make_fibre(void (*fn)(void))
{
	(void)getcontext(&fibre);
	fibre.uc_stack.ss_size = 64 << 10;
	fibre.uc_stack.ss_sp = malloc(fibre.uc_stack.ss_size);
	makecontext(&fibre, fn, 0);
}

static void
suspended_inside(void)
{
	make_fibre(run_fibre);
	(void)swapcontext(&scheduler, &fibre);
	stand();
}

static void
suspended_in_shared_memory(void)
{
	make_fibre(run_fibre);
	fibre.uc_stack.ss_sp = mmap(NULL, fibre.uc_stack.ss_size,
				    PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	makecontext(&fibre, run_fibre, 0);
	(void)swapcontext(&scheduler, &fibre);
	stand();
}

static void
a_suspended_context_is_found_where_asked_for(void **state)
{
	void (*const where[])(void) = { suspended_inside,
					suspended_in_shared_memory };
	struct graft_range range = { (uintptr_t)__start_inside_text,
				     (uintptr_t)__stop_inside_text };

	(void)state;
	for (size_t i = 0; i < sizeof(where) / sizeof(*where); i++) {
		struct child child = { 0 };
		child_start(&child, where[i], 1);
		child_check(&child, &range, 1, true);
		assert_int_equal(child.count, 1);
		assert_int_equal(child.hits[0].tid, 0);
		assert_false(child.hits[0].certain);
		child_end(&child);
	}
}

static void
left_overs_of_small_threads(void)
{
	start_threads(thread_left_overs, 1, 64 << 10);
	while (atomic_load(&told->ready) < 1)
		(void)usleep(100);
	(void)thread_left_overs(NULL);
}

static void
a_search_of_memory_leaves_out_dead_stack(void **state)
{
	(void)state;
	struct child child = { 0 };
	struct graft_range range = { (uintptr_t)__start_inside_text,
				     (uintptr_t)__stop_inside_text };
	child_start(&child, left_overs_of_small_threads, 2);
	assert_true((intptr_t)told->words[0] >= 10);
	child_check(&child, &range, 1, true);
	assert_int_equal(child.count, 0);
	child_end(&child);
}

static void *
thread_away(void *arg)
{
	make_fibre(stand);
	yield_inside(&scheduler, &fibre);
	return arg;
}

static void
away(void)
{
	start_threads(thread_away, 1, 0);
	while (atomic_load(&told->ready) < 1)
		(void)usleep(100);
	make_fibre(stand);
	yield_inside(&scheduler, &fibre);
}

static void
a_thread_away_from_its_stack_is_found_there(void **state)
{
	(void)state;
	struct child child = { 0 };
	child_start(&child, away, 2);
	child_check_inside(&child);
	assert_int_equal(child.count, 2);
	child_end(&child);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		// First: a check leaves hits in our heap, which children copy.
		cmocka_unit_test(a_search_of_memory_leaves_out_dead_stack),
		cmocka_unit_test(a_suspended_context_is_found_where_asked_for),
		cmocka_unit_test(a_thread_away_from_its_stack_is_found_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
