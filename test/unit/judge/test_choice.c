// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/choice.h"

#include <Zydis/Zydis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct graft_choice
add(struct graft_choice a, struct graft_choice b)
{
	graft_choice_add(&a, &b);
	return a;
}

static void
constants_are_kept_once_and_in_order(void **state)
{
	struct graft_choice set = graft_choice_of_two(7, -3);

	(void)state;
	set = add(set, graft_choice_of_two(5, 7));
	assert_int_equal(set.count, 3);
	assert_int_equal(set.list[0], -3);
	assert_int_equal(set.list[1], 5);
	assert_int_equal(set.list[2], 7);
}

static void
a_constant_of_more_than_32_bits_makes_it_unknown(void **state)
{
	int64_t big = (int64_t)1 << 32;
	struct graft_choice sets[] = {
		graft_choice_of(big),
		graft_choice_of_two(1, big),
		graft_choice_of_two(big, 1),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		assert_false(graft_choice_is_known(&sets[i]));
}

static void
what_is_unknown_stays_unknown(void **state)
{
	struct graft_choice none = { 0 };
	struct graft_choice table = { .count = GRAFT_CHOICE_TABLE, .size = 4 };
	struct graft_choice one = graft_choice_of(1);
	struct graft_choice sum;

	(void)state;
	sum = add(none, one);
	assert_false(graft_choice_is_known(&sum));
	sum = add(one, none);
	assert_false(graft_choice_is_known(&sum));
	sum = add(none, table);
	assert_int_equal(sum.count, GRAFT_CHOICE_UNKNOWN);
	sum = graft_choice_combine(ZYDIS_MNEMONIC_ADD, &none, &one);
	assert_false(graft_choice_is_known(&sum));
}

static void
too_many_constants_are_unknown(void **state)
{
	struct graft_choice set = graft_choice_of(0);

	(void)state;
	for (int64_t i = 1; i < GRAFT_CHOICE_MAX; i++)
		set = add(set, graft_choice_of(i));
	assert_int_equal(set.count, GRAFT_CHOICE_MAX);
	set = add(set, graft_choice_of(GRAFT_CHOICE_MAX));
	assert_false(graft_choice_is_known(&set));
	set = add(set, graft_choice_of(1));
	assert_false(graft_choice_is_known(&set));
}

static void
an_operation_combines_each_with_each(void **state)
{
	struct graft_choice a = graft_choice_of_two(1, 2);
	struct graft_choice b = graft_choice_of_two(10, 20);
	struct graft_choice sum = graft_choice_combine(ZYDIS_MNEMONIC_ADD, &a,
						       &b);
	struct graft_choice other = graft_choice_combine(ZYDIS_MNEMONIC_DIV, &a,
							 &b);
	int32_t value;

	(void)state;
	assert_int_equal(sum.count, 4);
	assert_int_equal(sum.list[0], 11);
	assert_int_equal(sum.list[3], 22);
	assert_false(graft_choice_is_known(&other));
	assert_true(graft_choice_only_in(&sum, &a, &value));
	assert_int_equal(value, 11);
	assert_false(graft_choice_only_in(&sum, &sum, &value));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants_are_kept_once_and_in_order),
		cmocka_unit_test(
			a_constant_of_more_than_32_bits_makes_it_unknown),
		cmocka_unit_test(what_is_unknown_stays_unknown),
		cmocka_unit_test(too_many_constants_are_unknown),
		cmocka_unit_test(an_operation_combines_each_with_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
