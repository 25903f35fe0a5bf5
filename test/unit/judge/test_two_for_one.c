// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

// Objects of a file are known by its name too, and the two sides have their own.
#define HIDDEN         "__attribute__((visibility(\"hidden\"))) "
#define NEXT(variable) "KEEP int next(void) { return " variable "++; }\n"

static const char *const old_source = PRELUDE HIDDEN "int x;\n" NEXT(
	"x") "int step(int c) { x += c; return next() + 1001; }\n";

static void
a_variable_beside_one_that_unchanged_code_left_is_refused(void **state)
{
	(void)state;
	must_refuse(
		LIBRARY, old_source,
		PRELUDE HIDDEN "int x, y;\n" NEXT(
			"y") "int step(int c) { x += c; return next() + 1002; }\n",
		"R-01");
}

static void
one_whose_address_unchanged_code_takes_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY,
		    PRELUDE HIDDEN
		    "int x;\nKEEP int *get(void) { return &x; }\n"
		    "int step(int c) { x += c; return *get() + 1001; }\n",
		    PRELUDE HIDDEN
		    "int y, x;\nKEEP int *get(void) { return &y; }\n"
		    "int step(int c) { x += c; return *get() + 1002; }\n",
		    "R-01");
}

static void
a_new_variable_of_changed_code_alone_is_accepted(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		PRELUDE HIDDEN "long x = 5;\n" NEXT(
			"x") "int step(int c) { x += c; return next() + 1001; }\n",
		PRELUDE HIDDEN "long x = 5, y;\n" NEXT(
			"x") "int step(int c) { x += c; y += c & 1;"
			     " return next() + y + 1002; }\n");
}

static void
one_variable_under_two_names_is_accepted(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		PRELUDE HIDDEN
		"int x; extern int also __attribute__((alias(\"x\"), "
		"visibility(\"hidden\")));\n" NEXT(
			"also") "int step(int c) { also += c; return next() + 1001; }\n",
		PRELUDE HIDDEN
		"int x; extern int also __attribute__((alias(\"x\"), "
		"visibility(\"hidden\")));\n" NEXT(
			"also") "int step(int c) { also += c; return next() + 1002; }\n");
}

static void
other_members_of_one_object_are_accepted(void **state)
{
	(void)state;
	must_accept(LIBRARY,
		    PRELUDE HIDDEN "int x[4], z;\n" NEXT(
			    "x[1]") "int step(int c) { x[2] += c; z += x[3];"
				    " return next() + z + 1001; }\n",
		    PRELUDE HIDDEN "int x[4], z;\n" NEXT(
			    "x[1]") "int step(int c) { x[2] += c; z += x[3];"
				    " return next() + z + 1002; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_variable_beside_one_that_unchanged_code_left_is_refused),
		cmocka_unit_test(
			one_whose_address_unchanged_code_takes_is_refused),
		cmocka_unit_test(
			a_new_variable_of_changed_code_alone_is_accepted),
		cmocka_unit_test(one_variable_under_two_names_is_accepted),
		cmocka_unit_test(other_members_of_one_object_are_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
