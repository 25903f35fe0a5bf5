// SPDX-License-Identifier: Apache-2.0

// Threads that are born without telling who traces their maker.

#include "victim.h"

#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <sys/syscall.h>

enum {
	STOP_US = AWAIT_STOP_US,
	/** Threads that are made when the order says so. */
	HIDDEN = 3,
};

static int
wait_for_ever(void *arg)
{
	struct victim_page *page = arg;

	atomic_fetch_add(&page->ready, 1);
	for (;;)
		(void)syscall(SYS_pause);
	return 0;
}

/** Make threads as CLONE_UNTRACED has it, when told. */
static void
hide_threads(struct victim_page *page)
{
	static alignas(16) uint8_t stacks[HIDDEN][16 << 10];

	for (int i = 0; i < HIDDEN; i++) {
		atomic_fetch_add(&page->ready, 1);
		while (atomic_load(&page->order) <= i)
			(void)usleep(100);
		// What it does needs nothing of the C library.
		(void)clone(wait_for_ever, stacks[i] + sizeof(stacks[i]),
			    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
				    CLONE_THREAD | CLONE_SYSVSEM |
				    CLONE_UNTRACED,
			    page);
	}
	for (;;)
		(void)pause();
}

static void
a_thread_that_was_hidden_from_us_is_found_by_the_next_look(void **state)
{
	struct graft_target *target = NULL;
	struct victim victim = victim_start(hide_threads, 1);
	size_t count;

	(void)state;
	assert_ok(graft_target_open(victim.pid, &target));
	for (int i = 0; i < HIDDEN; i++) {
		assert_ok(graft_target_attach(target));
		assert_int_equal(graft_target_thread_count(target), i + 1);
		// It says so itself, and so does its maker before the next one.
		atomic_store(&victim.page->order, i + 1);
		assert_true(reaches(&victim.page->ready,
				    i + 1 < HIDDEN ? 2 * i + 3 : 2 * i + 2));
		assert_int_equal(graft_target_thread_count(target), i + 1);
		assert_ok(graft_target_stop(target, STOP_US));
		(void)graft_target_threads(target, &count);
		assert_int_equal(count, i + 2);
		graft_target_release(target);
	}
	graft_target_close(target);
	victim_end(&victim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_thread_that_was_hidden_from_us_is_found_by_the_next_look),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
