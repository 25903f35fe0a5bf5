// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define GUARD                                                                  \
	"struct G { ~G(); }; void other(int);\n"                               \
	"int work(int x) { try { other(x); } catch (...) { return 3; } return x; }\n"

static void
a_function_with_landing_pads_needs_its_tables(void **state)
{
	(void)state;
	must_note(CXX,
		  "struct G { ~G(); }; void other(int);\n"
		  "int f(int x) { G g; other(x); return x + 1001; }\n",
		  "struct G { ~G(); }; void other(int);\n"
		  "int f(int x) { G g; other(x); return x + 1002; }\n",
		  "R-16");
}

static void
a_function_below_which_something_throws_needs_its_tables(void **state)
{
	(void)state;
	must_note(CXX,
		  "int f(int x) { if (x < 0) throw 1; return x + 1001; }\n"
		  "int g(int x) { return f(x) * 2; }\n",
		  "int f(int x) { if (x < 0) throw 1; return x + 1001; }\n"
		  "int g(int x) { return f(x) * 3; }\n",
		  "R-16");
}

static void
a_callback_in_a_module_with_exceptions_needs_its_tables(void **state)
{
	(void)state;
	must_note(CXX,
		  GUARD "int f(int (*c)(int), int x) { return c(x) + 1; }\n",
		  GUARD "int f(int (*c)(int), int x) { return c(x) + 2; }\n",
		  "R-16");
}

static void
a_leaf_in_a_module_with_exceptions_is_accepted(void **state)
{
	(void)state;
	must_accept(CXX, GUARD "int f(int x) { return x + 1001; }\n",
		    GUARD "int f(int x) { return x + 1002; }\n");
}

static void
a_cleanup_in_c_needs_its_tables(void **state)
{
	static const char o[] = PRELUDE
		"void other(int); static void done(int *p) { other(*p); }\n"
		"int f(int x) { __attribute__((cleanup(done))) int k = x; other(x); return k + 1; }\n";
	static const char n[] = PRELUDE
		"void other(int); static void done(int *p) { other(*p); }\n"
		"int f(int x) { __attribute__((cleanup(done))) int k = x; other(x); return k + 2; }\n";

	(void)state;
	must_note("cc -O2 -fPIC -shared -fexceptions -x c", o, n, "R-16");
	must_accept("cc -O2 -fPIC -shared -x c", o, n);
}

static void
a_callback_from_c_is_noted(void **state)
{
	(void)state;
	must_note(LIBRARY, "int f(int (*c)(int), int x) { return c(x) + 1; }\n",
		  "int f(int (*c)(int), int x) { return c(x) + 2; }\n", "R-16");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_with_landing_pads_needs_its_tables),
		cmocka_unit_test(
			a_function_below_which_something_throws_needs_its_tables),
		cmocka_unit_test(
			a_callback_in_a_module_with_exceptions_needs_its_tables),
		cmocka_unit_test(
			a_leaf_in_a_module_with_exceptions_is_accepted),
		cmocka_unit_test(a_cleanup_in_c_needs_its_tables),
		cmocka_unit_test(a_callback_from_c_is_noted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
