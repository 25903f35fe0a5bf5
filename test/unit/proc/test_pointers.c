// SPDX-License-Identifier: Apache-2.0

#include "proc/pointers.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PAGE = 4096,
	/** Where a call ends in the page, by two kinds of call. */
	BEHIND_NEAR = 0x25,
	BEHIND_FAR = 0x46,
};

/** What stands in for code that is looked for. */
static uint8_t *code;

/** Make it where nothing ever was: stacks are full of what is long gone. */
static void
make_code(void)
{
	static uintptr_t place = 0x100000000000;

	place += 2 * (uintptr_t)PAGE;
	code = mmap((void *)place, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_ptr_not_equal(code, MAP_FAILED);
	// call rel32; call *8(%rax,%rcx)
	memcpy(code + BEHIND_NEAR - 5, "\xe8\0\0\0\0", 5);
	memcpy(code + BEHIND_FAR - 4, "\xff\x54\x08\x08", 4);
}

/** Start a child whose memory holds some words, and search it. */
static struct graft_pointers
search(const uint64_t *words, size_t count)
{
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	volatile uint64_t *kept = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct graft_pointers found = { 0 };

	assert_ptr_not_equal(kept, MAP_FAILED);
	make_code();
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		// In place: a register that held a sum may be saved on the stack.
		for (size_t i = 0; i < count; i++) {
			kept[2 * i + 1] = words[i];
			__atomic_fetch_add(&kept[2 * i + 1],
					   (uint64_t)(uintptr_t)code,
					   __ATOMIC_RELAXED);
		}
		(void)!write(ready[1], "", 1);
		for (;;)
			pause();
	}
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	assert_true(child > 0);
	assert_null(graft_target_open(child, &target));
	assert_null(graft_maps_read(child, &maps));
	struct graft_range range = { (uint64_t)(uintptr_t)code + 8,
				     (uint64_t)(uintptr_t)code + PAGE };
	assert_null(graft_pointers_find(target, maps, &range, 1, &found));
	struct graft_pointers now = { 0 };
	assert_null(graft_pointers_find(target, NULL, &range, 1, &now));
	assert_int_equal(now.count, found.count);
	assert_int_equal(now.addr, found.addr);
	if (found.count)
		assert_true(found.addr >= (uint64_t)(uintptr_t)kept &&
			    found.addr < (uint64_t)(uintptr_t)kept + PAGE);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return found;
}

static void
pointers_are_counted_and_the_first_is_told(void **state)
{
	(void)state;
	const uint64_t words[] = { 0x100, 0x200 };
	struct graft_pointers found = search(words, 2);

	assert_int_equal(found.count, 2);
	assert_int_equal(found.value, (uint64_t)(uintptr_t)code + 0x100);
	assert_int_equal(found.addr % PAGE, 8);
}

static void
only_what_points_into_the_code_counts(void **state)
{
	(void)state;
	const uint64_t words[] = { 0, 7, PAGE };
	const uint64_t first[] = { 8 };

	assert_int_equal(search(words, 3).count, 0);
	assert_int_equal(search(first, 1).count, 1);
}

static void
return_addresses_do_not_count(void **state)
{
	(void)state;
	const uint64_t words[] = { BEHIND_NEAR, BEHIND_FAR };

	assert_int_equal(search(words, 2).count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointers_are_counted_and_the_first_is_told),
		cmocka_unit_test(only_what_points_into_the_code_counts),
		cmocka_unit_test(return_addresses_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
