// SPDX-License-Identifier: Apache-2.0

#include "plan/objects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

static struct graft_header_object shared = { 0x5010, 8, { 1 } };
static struct graft_header_object others[] = { { 0x9010, 8, { 1 } },
					       { 0x9020, 8, { 2 } } };
static struct graft_header_region writable = { 0x5000, 0x1000,
					       PROT_READ | PROT_WRITE };

static struct graft_header
header_with(struct graft_header_object *objects, uint32_t count)
{
	return (struct graft_header){
		.addr = 0x7000,
		.len = 0x1000,
		.base = 0x400000,
		.state = GRAFT_HEADER_REVERTED,
		.regions = &writable,
		.region_count = 1,
		.objects = objects,
		.object_count = count,
	};
}

static void
an_object_is_where_an_earlier_hotpatch_has_it(void **state)
{
	(void)state;
	struct graft_map maps_list[] = {
		{ .start = 0x5000,
		  .end = 0x6000,
		  .prot = PROT_READ | PROT_WRITE,
		  .path = (char *)"" },
		{ .start = 0x7000,
		  .end = 0x8000,
		  .prot = PROT_READ,
		  .path = (char *)"" },
	};
	struct graft_maps maps = { .maps = maps_list, .count = 2 };
	struct graft_header earlier = header_with(&shared, 1);
	struct graft_header *list[] = { &earlier };
	struct graft_headers headers = { list, 1 };
	struct graft_making making = { .maps = &maps, .headers = &headers };
	struct graft_header_object mine[2];
	struct graft_plan_module module = { .header = header_with(mine, 2) };

	memcpy(mine, others, sizeof(mine));
	graft_objects_find(&making, &module);
	assert_int_equal(mine[0].addr, 0x5010);
	assert_int_equal(mine[1].addr, 0x9020);
	// Not where it is gone, of another size, or of another module.
	memcpy(mine, others, sizeof(mine));
	maps_list[0].prot = PROT_READ;
	graft_objects_find(&making, &module);
	assert_int_equal(mine[0].addr, 0x9010);
	maps_list[0].prot |= PROT_WRITE;
	mine[0].size = 16;
	graft_objects_find(&making, &module);
	assert_int_equal(mine[0].addr, 0x9010);
	mine[0].size = 8;
	earlier.base += 0x1000;
	graft_objects_find(&making, &module);
	assert_int_equal(mine[0].addr, 0x9010);
	earlier.base -= 0x1000;
	earlier.state = GRAFT_HEADER_BUILDING;
	graft_objects_find(&making, &module);
	assert_int_equal(mine[0].addr, 0x9010);
}

static void
expect_refused(const struct graft_header *from, const struct graft_header *to)
{
	struct graft_error *err = graft_objects_check(from, to);

	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_REFUSED);
	assert_non_null(strstr(graft_error_message(err), "R-12"));
	graft_error_free(err);
}

static void
objects_of_which_it_is_not_known_whether_they_are_the_same_are_refused(
	void **state)
{
	(void)state;
	struct graft_header one = header_with(&shared, 1);
	struct graft_header two = header_with(others, 2);
	struct graft_header other = header_with(&others[1], 1);
	struct graft_header silent = header_with(NULL, 0);
	struct graft_header none = { 0 };

	// More on one side: what is more is new there.
	assert_null(graft_objects_check(&one, &two));
	assert_null(graft_objects_check(&two, &one));
	// Each has its own: one may be the other under a new name.
	expect_refused(&one, &other);
	expect_refused(&one, &silent);
	expect_refused(&silent, &one);
	expect_refused(&silent, &silent);
	assert_null(graft_objects_check(&none, &one));
	assert_null(graft_objects_check(&silent, &none));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_where_an_earlier_hotpatch_has_it),
		cmocka_unit_test(
			objects_of_which_it_is_not_known_whether_they_are_the_same_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
