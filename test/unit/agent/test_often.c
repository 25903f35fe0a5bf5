// SPDX-License-Identifier: Apache-2.0

// How often something is done for whom.

#include "agent/often.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
nobody_has_it_done_more_often_than_that(void **state)
{
	(void)state;
	struct graft_often often = { .most = 3, .within_us = 1000 };

	for (int i = 0; i < 3; i++)
		assert_true(graft_often_take(&often, 7, 1, 10));
	assert_false(graft_often_take(&often, 7, 1, 10));
	assert_false(graft_often_take(&often, 7, 1, 1009));
	// Much at once counts as much.
	assert_true(graft_often_take(&often, 9, 2, 10));
	assert_true(graft_often_take(&often, 9, 50, 10));
	assert_false(graft_often_take(&often, 9, 1, 10));
	assert_true(graft_often_take(&often, 9, 1, 1010));
	// Others have their own count, number 0 too.
	assert_true(graft_often_take(&often, 0, 1, 10));
	assert_true(graft_often_take(&often, 8, 1, 10));
	// It begins anew when the time is over.
	for (int i = 0; i < 3; i++)
		assert_true(graft_often_take(&often, 7, 1, 1010));
	assert_false(graft_often_take(&often, 7, 1, 1010));
}

static void
of_more_than_there_is_room_for_the_oldest_begins_anew(void **state)
{
	(void)state;
	struct graft_often often = { .most = 1, .within_us = UINT64_MAX };

	for (uint32_t i = 0; i < GRAFT_OFTEN_ROOM; i++)
		assert_true(graft_often_take(&often, i, 1, i + 1));
	for (uint32_t i = 0; i < GRAFT_OFTEN_ROOM; i++)
		assert_false(graft_often_take(&often, i, 1, 100));
	assert_true(graft_often_take(&often, 1000, 1, 200));
	assert_false(graft_often_take(&often, 1000, 1, 200));
	assert_false(graft_often_take(&often, 1, 1, 200));
	// It was in the place of the first.
	assert_true(graft_often_take(&often, 0, 1, 300));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_has_it_done_more_often_than_that),
		cmocka_unit_test(
			of_more_than_there_is_room_for_the_oldest_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
