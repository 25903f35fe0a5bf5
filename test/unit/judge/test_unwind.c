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
functions_that_catch_other_types_have_changed(void **state)
{
	static const char both[] =
		"void other(int);\n"
		"int f(int x) { try { other(x); } catch (A) { return 3; } return x; }\n"
		"int g(int x) { try { other(x); } catch (B) { return 4; } return x; }\n";
	char o[512];
	char n[512];

	(void)state;
	(void)snprintf(o, sizeof(o), "#define A int\n#define B long\n%s", both);
	(void)snprintf(n, sizeof(n), "#define A long\n#define B int\n%s", both);
	must_note(CXX, o, n, "R-16");
}

static void
a_new_type_that_is_caught_moves_no_data(void **state)
{
	static const char o[] =
		"void other(int); int before = 5, after[3] = { 7, 8, 9 };\n"
		"int f(int x) { before++; after[x]++; return x; }\n"
		"int g(int x) { try { other(x); } catch (...) { return -1; } return x; }\n";
	static const char n[] =
		"void other(int); int before = 5, after[3] = { 7, 8, 9 };\n"
		"int f(int x) { before++; after[x]++; return x; }\n"
		"int g(int x) { try { other(x); } catch (long y) { return y; } return x; }\n";

	(void)state;
	must_note(CXX, o, n, "R-16");
	must_note(CXX, n, o, "R-16");
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
		cmocka_unit_test(functions_that_catch_other_types_have_changed),
		cmocka_unit_test(a_new_type_that_is_caught_moves_no_data),
		cmocka_unit_test(a_callback_from_c_is_noted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
