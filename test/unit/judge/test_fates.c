// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

/** A caller that calls another way, so that the call is no evidence. */
#define CALLER_OF_OLD                                                          \
	"KEEP long beside(long a) { return a * 5 + 1; }\n"                     \
	"long f(long *p, long a) { return a ? old_one(p) : 0; }\n"
#define CALLER_OF_NEW                                                          \
	"KEEP long beside(long a) { return a * 5 + 1; }\n"                     \
	"long f(long *p, long a) { long s[2]; if (!p || a < 0) return -1;"     \
	" return new_one(p, s) ? s[0] : a; }\n"
/** Much that has nothing in common with anything. */
#define MUCH                                                                   \
	"while (v > 9) { b = b << 1 | (v & 1); v = v / 10 ^ 3; }"              \
	" if (v == 3) b += b * 7; if (v == 11) b ^= b % 13; if (b > 70) b /= 3;"

static void
one_that_is_not_recognised_is_compared(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		PRELUDE
		"KEEP static long old_one(long *p) { return ++p[1]; }\n" CALLER_OF_OLD,
		PRELUDE
		"KEEP static long new_one(long *p, long *s) { long v = p[2]--, b = 1; " MUCH
		" *s = b; return v > 9; }\n" CALLER_OF_NEW,
		"R-02");
}

static void
one_that_cannot_be_compared_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		PRELUDE
		"KEEP static long old_one(long *p) { return ++*p; }\n" CALLER_OF_OLD,
		PRELUDE
		"KEEP static long new_one(long *p, long *s) { int v = *(int *)p, b = 1; " MUCH
		" *s = b; return v > 9; }\n" CALLER_OF_NEW,
		"R-01");
}

static void
one_that_only_computes_is_new(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		PRELUDE
		"KEEP static long old_one(long *p) { return ++*p; }\n" CALLER_OF_OLD,
		PRELUDE
		"KEEP static long new_one(long v) { long b = 1; " MUCH
		" return b; }\n"
		"KEEP long beside(long a) { return a * 5 + 1; }\n"
		"long f(long *p, long a) { if (!p || a < 0) return -1; ++*p; return new_one(a); }\n");
}

static void
one_that_stands_and_is_used_elsewhere_is_new(void **state)
{
	(void)state;
	must_accept(
		"cc -O2 -fno-toplevel-reorder -fPIC -shared -s -x c",
		PRELUDE
		"KEEP static long old_one(long *p) { return ++*p; }\n"
		"KEEP long beside(long a) { return a * 5 + 1; }\n"
		"long f(long *p, long a) { return a ? old_one(p) : 0; }\n"
		"KEEP long between(long a) { return a * 9 + 7; }\n"
		"long g(long *p, long a) { return a + *p; }\n",
		PRELUDE
		"KEEP long beside(long a) { return a * 5 + 1; }\n"
		"long f(long *p, long a) { return a ? ++*p : 0; }\n"
		"KEEP long between(long a) { return a * 9 + 7; }\n"
		"KEEP static long new_one(long *p, long *s) { long v = *p, b = 1; " MUCH
		" *s = b; return v > 9; }\n"
		"long g(long *p, long a) { long s; return a + *p + new_one(p, &s) + s; }\n");
}

static void
names_tell_that_it_is_another(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		PRELUDE
		"KEEP static long old_one(long *p) { return ++*p; }\n" CALLER_OF_OLD,
		PRELUDE
		"KEEP static long new_one(long *p, long *s) { long v = *p, b = 1; " MUCH
		" *s = b; return v > 9; }\n" CALLER_OF_NEW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_not_recognised_is_compared),
		cmocka_unit_test(one_that_cannot_be_compared_is_refused),
		cmocka_unit_test(one_that_only_computes_is_new),
		cmocka_unit_test(one_that_stands_and_is_used_elsewhere_is_new),
		cmocka_unit_test(names_tell_that_it_is_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
