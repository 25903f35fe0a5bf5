// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

static void
one_argument_more_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED, "int f(int a) { return a + 1; }\n",
		    "int f(int a, int b) { return a * 77 + b; }\n", "R-09");
}

static void
a_vector_argument_more_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED, "double f(double a) { return a + 1; }\n",
		    "double f(double a, double b) { return a * 77 + b; }\n",
		    "R-09");
}

static void
an_argument_that_is_passed_on_counts(void **state)
{
	(void)state;
	must_refuse(STRIPPED,
		    PRELUDE
		    "KEEP static int in(int a, int b) { return a * b + 3; }\n"
		    "int g(int a, int b) { return in(b, a); }\n"
		    "int f(int a) { return in(a, 4) + 1; }\n",
		    PRELUDE
		    "KEEP static int in(int a, int b) { return a * b + 3; }\n"
		    "int g(int a, int b) { return in(b, a); }\n"
		    "int f(int a, int b) { return in(a, b) + 1; }\n",
		    "R-09");
}

static void
a_function_that_returns_nothing_any_more_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED, "int f(int *a) { *a = 4; return *a + 1; }\n",
		    "void f(int *a) { *a += 4; }\n", "R-09");
}

/** A function that ends with a call, and others that make it too. */
#define TALKER(type, early, last, others)                                      \
	PRELUDE "int say(const char *, int); int ask(int);\n"                  \
		"int a[9]; " others "\n" type " f(int x) { int t[9];\n" early  \
		"  for (int i = 0; i < 9; i++) t[i] = ask(i) + x;\n"           \
		"  say((void *)t, t[3]);\n" last " }\n"
#define OTHERS                                                                 \
	"void b(void) { say(\"b\", 1); a[1] = 3; }\n"                          \
	"int c(int x) { say(\"c\", 2); return x * 5; }"

static void
a_function_without_result_may_return_early(void **state)
{
	(void)state;
	must_accept(STRIPPED, TALKER("void", "", "", OTHERS),
		    TALKER("void", "if (x == 50) return;", "", OTHERS));
	must_accept("clang -O2 -fPIC -shared -s -x c",
		    TALKER("void", "", "", OTHERS),
		    TALKER("void", "if (x == 50) return;", "", OTHERS));
}

static void
a_result_that_somebody_reads_may_be_returned(void **state)
{
	(void)state;
	must_refuse(STRIPPED,
		    TALKER("int", "", "return ask(x);",
			   OTHERS "void d(void) { ask(2); a[1] = 3; }"
				  "int e(void) { ask(7); return a[1]; }"),
		    TALKER("void", "if (x == 50) return;", "ask(x);",
			   OTHERS "void d(void) { ask(2); a[1] = 3; }"
				  "int e(void) { ask(7); return a[1]; }"),
		    "R-09");
}

static void
a_result_that_nobody_else_drops_may_be_returned(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED, TALKER("int", "", "return say(\"end\", x);", ""),
		TALKER("void", "if (x == 50) return;", "say(\"end\", x);", ""),
		"R-09");
}

static void
a_result_that_a_caller_reads_is_one(void **state)
{
	(void)state;
	must_refuse(STRIPPED,
		    TALKER("int", "", "return say(\"end\", x);",
			   OTHERS
			   "int f(int); int g(int x) { return f(x) > 3; }"),
		    TALKER("void", "if (x == 50) return;", "say(\"end\", x);",
			   OTHERS
			   "void f(int); int g(int x) { f(x); return a[3]; }"),
		    "R-09");
}

static void
one_argument_less_is_accepted(void **state)
{
	(void)state;
	must_accept(STRIPPED, "int f(int a, int b) { return a * 77 + b; }\n",
		    "int f(int a, int b) { return a + 1001; }\n");
}

static void
callers_that_are_carried_may_pass_more(void **state)
{
	(void)state;
	must_accept(LIBRARY,
		    PRELUDE "KEEP static int in(int a) { return a * 5 + 3; }\n"
			    "int f(int a) { return in(a) + 1; }\n",
		    PRELUDE
		    "KEEP static int in(int a, int b) { return a * b + 3; }\n"
		    "int f(int a) { return in(a, 9) + 1; }\n");
}

static void
an_argument_that_outlives_a_call_is_read(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		"__attribute__((noinline)) static int in(int *a) { return *a += 3; }\n"
		"int f(int *a, int b) { return in(a) + b; }\n",
		"__attribute__((noinline)) static int in(int *a) { return *a += 3; }\n"
		"int f(int *a, int b) { if (b < 0) return -1; return in(a) + b; }\n");
}

static void
an_argument_more_on_the_stack_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		"long f(long a, long b, long c, long d, long e, long g, long h) { return a * b + c * d + e * g + h; }\n",
		"long f(long a, long b, long c, long d, long e, long g, long h, long i) { return a * b + c * d + e * g + h * i; }\n",
		"R-09");
}

static void
a_structure_more_on_the_stack_is_refused(void **state)
{
	(void)state;
	must_refuse("cc -O0 -fPIC -shared -s -x c",
		    "int f(int a) { return a * 5; }\n",
		    "struct s { long x[4]; };\n"
		    "int f(int a, struct s s) { return a * 5 + s.x[2]; }\n",
		    "R-09");
}

static void
an_argument_that_a_jump_handed_on_was_read(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		PRELUDE
		"KEEP static long in(long a, long b, long c, long d, long e, long g, long h) { return a * b + c * d + e * g + h; }\n"
		"long f(long a, long b, long c, long d, long e, long g, long h) { return in(a + 7, b * 5, c ^ 3, d, e, g, h); }\n",
		PRELUDE
		"KEEP static long in(long a, long b, long c, long d, long e, long g, long h) { return a * b + c * d + e * g + h; }\n"
		"long f(long a, long b, long c, long d, long e, long g, long h) { if (h < 3) return -1; return in(a + 7, b, c, d, e, g, h); }\n");
}

static void
a_frame_that_is_aligned_anew_is_no_argument(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		"void g(void *);\n"
		"long f(long a) { char b[64] __attribute__((aligned(16))) = { 0 }; g(b); return a + b[3]; }\n",
		"void g(void *);\n"
		"long f(long a) { char b[64] __attribute__((aligned(64))) = { 0 }; g(b); return a + b[4]; }\n");
}

static void
a_result_that_becomes_floating_point_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		"long f(long a, long b) { if (a > 4) return 7; return a * b + 5; }\n",
		"double f(long a, long b) { if (a > 4) return 7; return a * b + 5; }\n",
		"R-09");
	must_refuse(STRIPPED, "float f(int *a, int b) { return a[b] / 3.f; }\n",
		    "int f(int *a, int b) { return a[b] / 3; }\n", "R-09");
}

static void
a_result_of_another_width_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED, "int f(int *a, int b) { return *a * 3 + b; }\n",
		    "long f(long *a, long b) { return *a * 3 + b; }\n", "R-09");
}

static void
an_argument_that_becomes_wider_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED, "int f(char *a, int b) { return a[b] + 1; }\n",
		    "int f(char *a, long b) { return a[b] + 1; }\n", "R-09");
	must_refuse(STRIPPED, "int f(int a, int b) { return a * b + 3; }\n",
		    "int f(int *a, int b) { return *a * b + 3; }\n", "R-09");
}

static void
an_argument_that_is_kept_over_a_call_is_no_wider(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		"int g(int); int f(int *a, int b) { return a[b] + g(b) + 1; }\n",
		"int g(int); int f(int *a, int b) { if (b < 0) return g(-b); return a[b] + g(b) * b; }\n");
}

/** Code that compares the lowest bytes of two registers. */
#define BYTES(first, factor)                                                   \
	"int f(int a, int b) { int r;\n"                                       \
	"  asm(\"test %%edi, %%edi\\n " first "\"\n"                           \
	"      \"cmp %%cl, %%sil\\n sete %%al\\n movzbl %%al, %%eax\"\n"       \
	"      : \"=a\"(r) : \"D\"(a), \"S\"(b) : \"cc\");\n"                  \
	"  return r * " factor "; }\n"

static void
a_byte_that_was_just_set_is_no_argument(void **state)
{
	(void)state;
	must_accept(STRIPPED, "int f(int a, int b) { return a * 3 + b; }\n",
		    BYTES("setz %%cl\\n ", "5"));
}

static void
a_byte_that_nobody_set_is_an_argument(void **state)
{
	(void)state;
	must_refuse(STRIPPED, "int f(int a, int b) { return a * 3 + b; }\n",
		    BYTES("", "5"), "R-09");
	// The rest of the register is what the caller left there.
	must_refuse(STRIPPED, "int f(int a, int b) { return a * 3 + b; }\n",
		    BYTES("setz %%cl\\n add %%ecx, %%esi\\n ", "5"), "R-09");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_argument_more_is_refused),
		cmocka_unit_test(a_vector_argument_more_is_refused),
		cmocka_unit_test(an_argument_that_is_passed_on_counts),
		cmocka_unit_test(
			a_function_that_returns_nothing_any_more_is_refused),
		cmocka_unit_test(a_function_without_result_may_return_early),
		cmocka_unit_test(a_result_that_somebody_reads_may_be_returned),
		cmocka_unit_test(
			a_result_that_nobody_else_drops_may_be_returned),
		cmocka_unit_test(a_result_that_a_caller_reads_is_one),
		cmocka_unit_test(one_argument_less_is_accepted),
		cmocka_unit_test(callers_that_are_carried_may_pass_more),
		cmocka_unit_test(an_argument_that_outlives_a_call_is_read),
		cmocka_unit_test(an_argument_more_on_the_stack_is_refused),
		cmocka_unit_test(a_structure_more_on_the_stack_is_refused),
		cmocka_unit_test(an_argument_that_a_jump_handed_on_was_read),
		cmocka_unit_test(a_frame_that_is_aligned_anew_is_no_argument),
		cmocka_unit_test(
			a_result_that_becomes_floating_point_is_refused),
		cmocka_unit_test(a_result_of_another_width_is_refused),
		cmocka_unit_test(an_argument_that_becomes_wider_is_refused),
		cmocka_unit_test(
			an_argument_that_is_kept_over_a_call_is_no_wider),
		cmocka_unit_test(a_byte_that_was_just_set_is_no_argument),
		cmocka_unit_test(a_byte_that_nobody_set_is_an_argument),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
