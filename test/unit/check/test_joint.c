// SPDX-License-Identifier: Apache-2.0

#include "check/joint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
what_was_put_is_found_and_stays_as_it_was(void **state)
{
	struct graft_joint_map map = { 0 };
	struct graft_joint *entry;
	bool fresh;

	(void)state;
	assert_null(graft_joint_find(&map, 1, 2));
	// More than the first room, with keys that differ in one half only.
	for (uint64_t i = 0; i < 1000; i++) {
		assert_null(graft_joint_put(&map, i % 10, i / 10, i, &entry,
					    &fresh));
		assert_true(fresh);
	}
	for (uint64_t i = 0; i < 1000; i++) {
		assert_null(graft_joint_put(&map, i % 10, i / 10, 7, &entry,
					    &fresh));
		assert_false(fresh);
		assert_int_equal(entry->value, i);
		assert_int_equal(graft_joint_find(&map, i % 10, i / 10)->value,
				 i);
	}
	assert_int_equal(map.count, 1000);
	assert_null(graft_joint_find(&map, 10, 0));
	assert_null(graft_joint_find(&map, 0, 100));
	graft_joint_map_deinit(&map);
	assert_null(graft_joint_find(&map, 0, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found_and_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
