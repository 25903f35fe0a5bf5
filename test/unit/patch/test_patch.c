// SPDX-License-Identifier: Apache-2.0

#include "patch/patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
	FIRST = 0x1000,
	SECOND = 0x3000,
	STORED = 16,
	IN_MEMORY = 32,
};

static uint8_t first_bytes[STORED];
static uint8_t second_bytes[STORED];
static struct graft_run runs[] = {
	{ .new_addr = FIRST,
	  .mem_len = STORED,
	  .file_len = STORED,
	  .bytes = first_bytes },
	{ .new_addr = SECOND,
	  .mem_len = IN_MEMORY,
	  .file_len = STORED,
	  .bytes = second_bytes },
};
static const struct graft_patch_module module = { .runs = runs,
						  .run_count = 2 };

static void
an_address_is_in_the_run_whose_memory_it_is_in(void **state)
{
	(void)state;
	assert_null(graft_patch_run_at(&module, 0));
	assert_null(graft_patch_run_at(&module, FIRST - 1));
	assert_ptr_equal(graft_patch_run_at(&module, FIRST), &runs[0]);
	assert_ptr_equal(graft_patch_run_at(&module, FIRST + STORED - 1),
			 &runs[0]);
	assert_null(graft_patch_run_at(&module, FIRST + STORED));
	assert_null(graft_patch_run_at(&module, SECOND - 1));
	// What is not stored is zero, and there all the same.
	assert_ptr_equal(graft_patch_run_at(&module, SECOND + IN_MEMORY - 1),
			 &runs[1]);
	assert_null(graft_patch_run_at(&module, SECOND + IN_MEMORY));
	assert_null(graft_patch_run_at(&module, UINT64_MAX));
}

static void
bytes_are_found_where_all_of_them_are_stored(void **state)
{
	(void)state;
	assert_ptr_equal(graft_patch_module_bytes(&module, FIRST, STORED),
			 first_bytes);
	assert_null(graft_patch_module_bytes(&module, FIRST, STORED + 1));
	assert_ptr_equal(graft_patch_module_bytes(&module, SECOND + 12, 4),
			 second_bytes + 12);
	assert_null(graft_patch_module_bytes(&module, SECOND + 12, 5));
	assert_null(graft_patch_module_bytes(&module, SECOND + 1, UINT64_MAX));
	assert_null(graft_patch_module_bytes(&module, SECOND + STORED, 1));
	assert_null(graft_patch_module_bytes(&module, SECOND + STORED + 1, 0));
	assert_null(graft_patch_module_bytes(&module, FIRST - 1, 2));
}

static void
a_module_that_carries_nothing_has_no_bytes(void **state)
{
	static const struct graft_patch_module empty = { .run_count = 0 };

	(void)state;
	assert_null(graft_patch_run_at(&empty, FIRST));
	assert_null(graft_patch_module_bytes(&empty, FIRST, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_address_is_in_the_run_whose_memory_it_is_in),
		cmocka_unit_test(bytes_are_found_where_all_of_them_are_stored),
		cmocka_unit_test(a_module_that_carries_nothing_has_no_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
