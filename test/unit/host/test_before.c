// SPDX-License-Identifier: Apache-2.0

// What an upgrade changed of a package, by the sums from before.

#include "host/before.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define A "0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210"

/** Compare two lists; the result is the changed paths, each with a space behind it. */
static const char *
changes(const char *was, const char *is, char ret[256])
{
	GRAFT_CLEANUP(graft_before_deinit) struct graft_before before = { 0 };

	assert_null(graft_before_compare(was, is, &before));
	assert_true(before.known);
	ret[0] = '\0';
	for (size_t i = 0; i < before.count; i++) {
		strcat(ret, before.paths[i]);
		strcat(ret, " ");
	}
	return ret;
}

static void
what_has_another_sum_or_is_gone_is_changed(void **state)
{
	static const char was[] = A "  usr/b\n" A "  usr/a\n" A "  usr/c d\n";
	char text[256];

	(void)state;
	assert_string_equal(changes(was, was, text), "");
	assert_string_equal(changes(was, A "  usr/c d\n" B "  usr/b\n", text),
			    "/usr/a /usr/b ");
	assert_string_equal(changes(was, "", text), "/usr/a /usr/b /usr/c d ");
}

static void
what_is_new_is_none_that_anybody_holds(void **state)
{
	char text[256];

	(void)state;
	assert_string_equal(changes("", A "  usr/a\n", text), "");
	assert_string_equal(
		changes(A "  usr/b", A "  usr/a\n" A "  usr/b\n", text), "");
}

static void
lines_that_are_none_are_left_out(void **state)
{
	char text[256];

	(void)state;
	assert_string_equal(changes("\n\nx\n  \n" A " usr/a\n" A "  \n",
				    B "  usr/a\n", text),
			    "");
}

static void
nothing_is_known_where_nothing_was_put_aside(void **state)
{
	GRAFT_CLEANUP(graft_before_deinit)
	struct graft_before before = { .known = true };

	(void)state;
	assert_null(graft_before_find("/nonexistent", "dpkg", 1, &before));
	assert_false(before.known);
	assert_int_equal(graft_before_unpacked_us("no-such-package"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_another_sum_or_is_gone_is_changed),
		cmocka_unit_test(what_is_new_is_none_that_anybody_holds),
		cmocka_unit_test(lines_that_are_none_are_left_out),
		cmocka_unit_test(nothing_is_known_where_nothing_was_put_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
