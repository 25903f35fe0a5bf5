// SPDX-License-Identifier: Apache-2.0

#include "plan/reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 64 };

/** A shadow, and where its code stands. */
static const uint64_t START = 0x7f0000001000;
static const uint64_t END = 0x7f0000004000;
static const uint64_t CODE = 0x7f0000002000;

static void
put_le(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

/** Put an instruction with a distance in four bytes among others. */
static bool
makes(const char *opcode, size_t opcode_len, size_t at, uint64_t to)
{
	uint8_t code[SIZE];

	memset(code, 0x90, sizeof(code));
	memcpy(code + at, opcode, opcode_len);
	put_le(code + at + opcode_len, to - (CODE + at + opcode_len + 4), 4);
	return graft_reach_makes_address(code, sizeof(code), CODE, START, END);
}

static void
an_address_in_the_shadow_is_seen_wherever_it_is_made(void **state)
{
	static const char *const leas[] = { "\x48\x8d\x05", "\x4c\x8d\x0d",
					    "\x48\x8d\x3d", "\x67\x8d\x35" };

	(void)state;
	for (size_t i = 0; i < sizeof(leas) / sizeof(leas[0]); i++) {
		for (size_t at = 0; at + 7 <= SIZE; at++) {
			assert_true(makes(leas[i], 3, at, START));
			assert_true(makes(leas[i], 3, at, CODE + 8));
			assert_true(makes(leas[i], 3, at, END - 1));
			// One past its end is the end of something in it.
			assert_true(makes(leas[i], 3, at, END));
		}
	}
}

static void
an_address_outside_is_none_of_it(void **state)
{
	(void)state;
	assert_false(makes("\x48\x8d\x05", 3, 5, START - 1));
	assert_false(makes("\x48\x8d\x05", 3, 5, END + 1));
	assert_false(makes("\x48\x8d\x05", 3, 5, START - 0x100000));
}

static void
what_only_goes_there_or_reads_makes_no_address(void **state)
{
	(void)state;
	// call, jmp, je, mov from memory, cmp with memory.
	assert_false(makes("\xe8", 1, 5, START + 0x10));
	assert_false(makes("\xe9", 1, 5, START + 0x10));
	assert_false(makes("\x0f\x84", 2, 5, START + 0x10));
	assert_false(makes("\x48\x8b\x05", 3, 5, START + 0x10));
	assert_false(makes("\x48\x3b\x05", 3, 5, START + 0x10));
}

static void
a_call_of_what_follows_makes_an_address(void **state)
{
	(void)state;
	assert_true(makes("\xe8", 1, 5, CODE + 5 + 5));
	assert_false(makes("\xe8", 1, 5, CODE + 5 + 6));
}

static void
an_absolute_address_is_seen_at_any_byte(void **state)
{
	uint8_t code[SIZE];

	(void)state;
	for (size_t at = 0; at + 8 <= SIZE; at++) {
		memset(code, 0x90, sizeof(code));
		put_le(code + at, START + 0x123, 8);
		assert_true(graft_reach_makes_address(code, SIZE, CODE, START,
						      END));
		put_le(code + at, START - 0x123, 8);
		assert_false(graft_reach_makes_address(code, SIZE, CODE, START,
						       END));
	}
	// Of code that stands low, in 32 bits; up to the last four bytes.
	for (size_t at = 0; at + 4 <= SIZE; at++) {
		memset(code, 0x90, sizeof(code));
		put_le(code + at, 0x402040, 4);
		assert_true(graft_reach_makes_address(code, SIZE, 0x402000,
						      0x402000, 0x403000));
		assert_false(graft_reach_makes_address(code, SIZE, 0x502000,
						       0x502000, 0x503000));
	}
}

static void
code_of_any_length_is_looked_through(void **state)
{
	static const uint8_t lea[] = { 0x48, 0x8d, 0x05, 0, 0, 0, 0 };

	(void)state;
	for (size_t len = 0; len < sizeof(lea); len++)
		assert_false(
			graft_reach_makes_address(lea, len, CODE, START, END));
	assert_true(
		graft_reach_makes_address(lea, sizeof(lea), CODE, START, END));
}

static void
each_reason_has_a_text_but_that_there_is_none(void **state)
{
	(void)state;
	assert_null(graft_reach_text(GRAFT_REACH_JUMPS_ONLY));
	assert_non_null(
		strstr(graft_reach_text(GRAFT_REACH_OBJECTS), "objects"));
	assert_non_null(
		strstr(graft_reach_text(GRAFT_REACH_CONSTANTS), "constants"));
	assert_non_null(
		strstr(graft_reach_text(GRAFT_REACH_ADDRESSES), "functions"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_address_in_the_shadow_is_seen_wherever_it_is_made),
		cmocka_unit_test(an_address_outside_is_none_of_it),
		cmocka_unit_test(
			what_only_goes_there_or_reads_makes_no_address),
		cmocka_unit_test(a_call_of_what_follows_makes_an_address),
		cmocka_unit_test(an_absolute_address_is_seen_at_any_byte),
		cmocka_unit_test(code_of_any_length_is_looked_through),
		cmocka_unit_test(each_reason_has_a_text_but_that_there_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
