// SPDX-License-Identifier: Apache-2.0

#include "apply/points.h"

#include "plan/find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	ONLY_FIRST = 0x1000,
	BOTH = 0x2000,
	ONLY_SECOND = 0x3000,
};

/** A redirect of which original and jump tell whose they are. */
static struct graft_header_redirect
redirect(uint64_t entry, uint8_t whose)
{
	return (struct graft_header_redirect){
		.entry = entry,
		.original = { 0x55 },
		.jump = { 0xe9, whose },
		.name = (char *)"f",
	};
}

/** Two hotpatches with one function in common. */
struct pair {
	struct graft_header_redirect redirects[2][2];
	struct graft_header headers[2];
};

static void
make(struct pair *pair)
{
	*pair = (struct pair){ .redirects = {
				       { redirect(ONLY_FIRST, 1),
					 redirect(BOTH, 1) },
				       { redirect(BOTH, 2),
					 redirect(ONLY_SECOND, 2) },
			       } };
	for (int i = 0; i < 2; i++) {
		pair->headers[i].redirects = pair->redirects[i];
		pair->headers[i].redirect_count = 2;
	}
}

static void
expect(const struct graft_point *point, uint64_t addr, const uint8_t *from,
       const uint8_t *to)
{
	assert_int_equal(point->addr, addr);
	assert_memory_equal(point->from, from, 2);
	assert_memory_equal(point->to, to, 2);
}

static const uint8_t original[] = { 0x55, 0 };
static const uint8_t first[] = { 0xe9, 1 };
static const uint8_t second[] = { 0xe9, 2 };

static void
only_a_files_byte_over_a_jump_at_an_entry_is_ruin(void **state)
{
	(void)state;
	struct graft_header_redirect r = redirect(BOTH, 1);
	uint8_t live[] = { 0x55, 1, 0, 0, 0 };

	assert_true(graft_redirect_is_ruined(&r, live));
	r.skip = 4;
	assert_false(graft_redirect_is_ruined(&r, live));
	r.skip = 0;
	for (size_t i = 0; i < sizeof(live); i++) {
		live[i] ^= 0x10;
		assert_false(graft_redirect_is_ruined(&r, live));
		live[i] ^= 0x10;
	}
}

static void
what_is_put_in_writes_its_own_entries_first(void **state)
{
	(void)state;
	struct pair pair;
	struct graft_points points;
	make(&pair);
	struct graft_change change = { .from = &pair.headers[0],
				       .to = &pair.headers[1] };

	assert_null(graft_points_init(&points, 4, GRAFT_SWITCH_IN, false));
	graft_points_add(&points, &change);
	assert_int_equal(points.count, 3);
	expect(&points.points[0], BOTH, first, second);
	expect(&points.points[1], ONLY_SECOND, original, second);
	expect(&points.points[2], ONLY_FIRST, first, original);
	graft_points_deinit(&points);
}

static void
what_is_taken_out_loses_its_own_entries_last(void **state)
{
	(void)state;
	struct pair pair;
	struct graft_points points;
	make(&pair);
	struct graft_change change = { .from = &pair.headers[1],
				       .to = &pair.headers[0] };

	assert_null(graft_points_init(&points, 4, GRAFT_SWITCH_OUT, false));
	graft_points_add(&points, &change);
	assert_int_equal(points.count, 3);
	expect(&points.points[0], ONLY_FIRST, original, first);
	expect(&points.points[1], BOTH, second, first);
	expect(&points.points[2], ONLY_SECOND, second, original);
	graft_points_deinit(&points);
}

static void
where_nothing_was_before_jumps_are_exchanged_for_old_code(void **state)
{
	(void)state;
	struct pair pair;
	struct graft_points points;
	make(&pair);
	struct graft_change in = { .to = &pair.headers[1] };
	struct graft_change out = { .from = &pair.headers[1] };

	assert_null(graft_points_init(&points, 2, GRAFT_SWITCH_IN, false));
	graft_points_add(&points, &in);
	assert_int_equal(points.count, 2);
	expect(&points.points[0], BOTH, original, second);
	expect(&points.points[1], ONLY_SECOND, original, second);
	graft_points_deinit(&points);
	assert_null(graft_points_init(&points, 2, GRAFT_SWITCH_OUT, false));
	graft_points_add(&points, &out);
	assert_int_equal(points.count, 2);
	expect(&points.points[1], ONLY_SECOND, second, original);
	graft_points_deinit(&points);
}

static void
jumps_at_two_places_of_one_function_are_two_points(void **state)
{
	(void)state;
	struct pair pair;
	struct graft_points points;
	make(&pair);
	struct graft_change change = { .from = &pair.headers[0],
				       .to = &pair.headers[1] };

	// One stands behind the first instruction.
	pair.redirects[0][1].skip = 7;
	assert_null(graft_points_init(&points, 4, GRAFT_SWITCH_IN, false));
	graft_points_add(&points, &change);
	assert_int_equal(points.count, 4);
	expect(&points.points[0], BOTH, original, second);
	expect(&points.points[3], BOTH + 7, first, original);
	graft_points_deinit(&points);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			only_a_files_byte_over_a_jump_at_an_entry_is_ruin),
		cmocka_unit_test(what_is_put_in_writes_its_own_entries_first),
		cmocka_unit_test(what_is_taken_out_loses_its_own_entries_last),
		cmocka_unit_test(
			where_nothing_was_before_jumps_are_exchanged_for_old_code),
		cmocka_unit_test(
			jumps_at_two_places_of_one_function_are_two_points),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
