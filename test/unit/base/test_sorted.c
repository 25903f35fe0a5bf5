// SPDX-License-Identifier: Apache-2.0

#include "base/sorted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t list[] = { 0, 3, 3, 7, UINT64_MAX };
enum { COUNT = sizeof(list) / sizeof(*list) };

static void
values_below_and_up_to_another_are_counted(void **state)
{
	static const struct {
		uint64_t value;
		size_t below;
		size_t up_to;
	} rows[] = {
		{ 0, 0, 1 },          { 1, 1, 1 }, { 3, 1, 3 },
		{ 4, 3, 3 },          { 7, 3, 4 }, { UINT64_MAX - 1, 4, 4 },
		{ UINT64_MAX, 4, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(graft_sorted_below(list, COUNT, rows[i].value),
				 rows[i].below);
		assert_int_equal(graft_sorted_up_to(list, COUNT, rows[i].value),
				 rows[i].up_to);
	}
}

static void
every_prefix_is_counted_as_one_by_one(void **state)
{
	(void)state;
	for (size_t count = 0; count <= COUNT; count++) {
		for (uint64_t value = 0; value < 9; value++) {
			size_t below = 0;
			while (below < count && list[below] < value)
				below++;
			assert_int_equal(graft_sorted_below(list, count, value),
					 below);
		}
	}
}

static void
the_next_value_is_above(void **state)
{
	(void)state;
	assert_int_equal(graft_sorted_next(list, COUNT, 0), 3);
	assert_int_equal(graft_sorted_next(list, COUNT, 3), 7);
	assert_true(graft_sorted_next(list, COUNT, 7) == UINT64_MAX);
	assert_true(graft_sorted_next(list, 4, 7) == UINT64_MAX);
	assert_true(graft_sorted_next(NULL, 0, 7) == UINT64_MAX);
}

static void
structures_are_counted_by_any_of_their_members(void **state)
{
	static const struct {
		char name[8];
		uint64_t start;
		uint64_t end;
	} rooms[] = { { "a", 0, 2 }, { "b", 4, 4 }, { "c", 4, UINT64_MAX } };

	(void)state;
	assert_int_equal(GRAFT_SORTED_BELOW(rooms, 3, start, 0), 0);
	assert_int_equal(GRAFT_SORTED_BELOW(rooms, 3, start, 4), 1);
	assert_int_equal(GRAFT_SORTED_BELOW(rooms, 2, start, 5), 2);
	assert_int_equal(GRAFT_SORTED_BELOW(rooms, 3, end, 4), 1);
	assert_int_equal(GRAFT_SORTED_BELOW(rooms, 3, end, UINT64_MAX), 2);
	assert_int_equal(GRAFT_SORTED_UP_TO(rooms, 3, start, 0), 1);
	assert_int_equal(GRAFT_SORTED_UP_TO(rooms, 3, start, 4), 3);
	assert_int_equal(GRAFT_SORTED_UP_TO(rooms, 3, end, 4), 2);
	assert_int_equal(GRAFT_SORTED_UP_TO(rooms, 3, end, UINT64_MAX), 3);
	assert_int_equal(GRAFT_SORTED_UP_TO(rooms, 0, end, 4), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_below_and_up_to_another_are_counted),
		cmocka_unit_test(every_prefix_is_counted_as_one_by_one),
		cmocka_unit_test(the_next_value_is_above),
		cmocka_unit_test(
			structures_are_counted_by_any_of_their_members),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
