// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define USER                                                                   \
	"static long row; static long calls;\n"                                \
	"KEEP void choose(long n) { row = n; }\n"                              \
	"KEEP long of(void) { return rows[row]; }\n"                           \
	"long get(long n) { calls++; choose(n); return of() + calls; }\n"

static void
must_differ(const char *was, const char *is, const char *user, bool refused)
{
	static const char *const commands[] = {
		LIBRARY,
		STRIPPED,
		"cc -O0 -fPIC -shared -x c",
	};
	char o[2048];
	char n[2048];

	snprintf(o, sizeof(o), PRELUDE "%s%s", was, user);
	snprintf(n, sizeof(n), PRELUDE "%s%s", is, user);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (refused)
			must_refuse(commands[i], o, n, "R-24");
		else
			must_accept(commands[i], o, n);
	}
}

static void
rows_in_another_order_are_refused(void **state)
{
	(void)state;
	must_differ("static const long rows[] = { 10, 100, 1000 };\n",
		    "static const long rows[] = { 1000, 100, 10 };\n", USER,
		    true);
	must_differ("static const long rows[] = { 10, 100, 1000 };\n",
		    "static const long rows[] = { 10, 50, 100, 1000 };\n", USER,
		    true);
}

static void
rows_that_say_something_else_are_accepted(void **state)
{
	(void)state;
	must_differ("static const long rows[] = { 10, 100, 1000 };\n",
		    "static const long rows[] = { 10, 200, 1000 };\n", USER,
		    false);
	must_differ("static const long rows[] = { 10, 100, 1000 };\n",
		    "static const long rows[] = { 10, 100, 1000, 5000 };\n",
		    USER, false);
	// What stands twice has no place of its own.
	must_differ("static const long rows[] = { 1, 0, 1, 0, 2 };\n",
		    "static const long rows[] = { 0, 1, 1, 0, 2 };\n", USER,
		    false);
}

static void
a_member_of_a_row_is_enough(void **state)
{
	static const char user[] =
		"static long row; static long calls;\n"
		"KEEP void choose(long n) { row = n; }\n"
		"KEEP long of(void) { return rows[row].b; }\n"
		"long get(long n) { calls++; choose(n); return of() + calls; }\n";

	(void)state;
	must_differ(
		"static const struct { long a, b; } rows[] = { { 1, 5 }, { 2, 6 }, { 3, 7 } };\n",
		"static const struct { long a, b; } rows[] = { { 3, 7 }, { 1, 5 }, { 2, 6 } };\n",
		user, true);
}

static void
an_index_that_the_call_brings_is_none(void **state)
{
	static const char user[] =
		"KEEP long of(long n) { return rows[n & 1]; }\n"
		"long get(long n) { return of(n) + of(n + 1); }\n";

	(void)state;
	must_differ("static const long rows[] = { 10, 100 };\n",
		    "static const long rows[] = { 100, 10 };\n", user, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_in_another_order_are_refused),
		cmocka_unit_test(rows_that_say_something_else_are_accepted),
		cmocka_unit_test(a_member_of_a_row_is_enough),
		cmocka_unit_test(an_index_that_the_call_brings_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
