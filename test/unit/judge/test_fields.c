// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

static void
a_bit_field_that_moved_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED,
		    "struct s { unsigned a : 3, b : 4; };\n"
		    "int f(struct s *p) { return p->b + 1; }\n",
		    "struct s { unsigned a : 3, more : 2, b : 4; };\n"
		    "int f(struct s *p) { return p->b + 1; }\n",
		    "R-02");
	must_refuse(STRIPPED,
		    "struct s { int k; unsigned a : 1, b : 4; };\n"
		    "void f(struct s *p, int v) { p->b = v; p->k = 7; }\n",
		    "struct s { int k; unsigned a : 1, more : 1, b : 4; };\n"
		    "void f(struct s *p, int v) { p->b = v; p->k = 7; }\n",
		    "R-02");
}

static void
flags_that_all_moved_are_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		"int f(unsigned *p, int v) { if (*p & 2) return v; if (*p & 4) return -v; return 9; }\n",
		"int f(unsigned *p, int v) { if (*p & 4) return v; if (*p & 8) return -v; return 9; }\n",
		"R-02");
}

static void
another_flag_that_is_tested_is_accepted(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		"int f(unsigned *p, int v) { if (*p & 2) return v; return p[1] & 0xff; }\n",
		"int f(unsigned *p, int v) { if (*p & 4) return v; return p[1] & 0xff; }\n");
}

static void
shifted_arguments_are_no_fields(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		"int f(int *p, unsigned v) { return (v >> 3 & 15) + *p; }\n",
		"int f(int *p, unsigned v) { return (v >> 5 & 15) + *p; }\n");
}

static void
a_pointer_that_moves_on_another_way_moves_no_field(void **state)
{
	(void)state;
	// What stands behind the jump is come to from elsewhere, with the pointer as it was.
	static const char text[] =
		"struct s { long a, b; unsigned word; int n; };\nint sink(struct s *);\n"
		"int f(struct s *p, int k) {\n"
		"  if (__builtin_expect(k, %d)) { p = (struct s *)((char *)p + 8); __asm__ volatile(\"\" : \"+r\"(p)); return sink(p); }\n"
		"  return (int)(p->word >> 4) + p->n %s; }\n";
	char o[512];
	char n[512];

	snprintf(o, sizeof(o), text, 0, "");
	snprintf(n, sizeof(n), text, 1, "+ 1");
	must_accept(STRIPPED, o, n);
}

static void
members_of_an_object_that_trade_places_are_refused(void **state)
{
	(void)state;
	must_refuse(
		LIBRARY,
		"__attribute__((visibility(\"protected\"))) struct { long a, b, c; } o;\n"
		"__attribute__((noinline)) long f(long v) { o.a += v; return o.b; }\n"
		"__attribute__((noinline)) void g(long v) { o.a = v; o.b = v * 2; o.c++; }\n"
		"long h(long v) { g(v); return f(v) + o.c; }\n",
		"__attribute__((visibility(\"protected\"))) struct { long b, a, c; } o;\n"
		"__attribute__((noinline)) long f(long v) { o.a += v; return o.b; }\n"
		"__attribute__((noinline)) void g(long v) { o.a = v; o.b = v * 2; o.c++; }\n"
		"long h(long v) { g(v); return f(v) + o.c; }\n",
		"R-02");
}

static void
another_member_of_an_object_more_is_accepted(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		"__attribute__((visibility(\"protected\"))) struct { long a, b; } o;\n"
		"long f(long v) { o.a += v; return o.a; }\n"
		"void g(long v) { o.b = v; }\n",
		"__attribute__((visibility(\"protected\"))) struct { long a, b; } o;\n"
		"long f(long v) { if (o.b > 7) return 0; o.a += v; return o.a; }\n"
		"void g(long v) { o.b = v; }\n");
}

static void
a_member_that_the_callee_now_loads_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED,
		    "struct s { long a, b; };\n" PRELUDE
		    "KEEP static long in(long v) { return v * 3; }\n"
		    "long f(struct s *p, long v) { return in(p->b) + v; }\n",
		    "struct s { long a, more, b; };\n" PRELUDE
		    "KEEP static long in(struct s *p) { return p->b * 3; }\n"
		    "long f(struct s *p, long v) { return in(p) + v; }\n",
		    "R-02");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bit_field_that_moved_is_refused),
		cmocka_unit_test(flags_that_all_moved_are_refused),
		cmocka_unit_test(another_flag_that_is_tested_is_accepted),
		cmocka_unit_test(
			a_pointer_that_moves_on_another_way_moves_no_field),
		cmocka_unit_test(shifted_arguments_are_no_fields),
		cmocka_unit_test(
			members_of_an_object_that_trade_places_are_refused),
		cmocka_unit_test(another_member_of_an_object_more_is_accepted),
		cmocka_unit_test(a_member_that_the_callee_now_loads_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
