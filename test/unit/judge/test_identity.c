// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

static void
a_changed_text_that_is_stored_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED,
		    "const char *name;\n"
		    "void f(int x) { if (x) name = \"one thing\"; }\n",
		    "const char *name;\n"
		    "void f(int x) { if (x) name = \"one other\"; }\n",
		    "R-17");
}

static void
a_changed_text_that_is_compared_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY,
		    "static const char mark[] = \"one thing\";\n"
		    "const char *get(int x) { return x ? mark : 0; }\n"
		    "int is(const char *p) { return p == mark; }\n",
		    "static const char mark[] = \"one other\";\n"
		    "const char *get(int x) { return x ? mark : 0; }\n"
		    "int is(const char *p) { return p == mark; }\n",
		    "R-17");
}

static void
a_changed_table_that_is_handed_on_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY,
		    "void use(const int *);\n"
		    "static const int table[4] = { 1, 2, 300, 4 };\n"
		    "int f(int x) { use(table); return table[x & 3]; }\n",
		    "void use(const int *);\n"
		    "static const int table[4] = { 1, 2, 301, 4 };\n"
		    "int f(int x) { use(table); return table[x & 3]; }\n",
		    "R-17");
}

static void
a_changed_text_that_is_passed_is_accepted(void **state)
{
	(void)state;
	must_accept(STRIPPED,
		    "void say(const char *, ...);\n"
		    "void f(int x) { if (x) say(\"one thing %d\", x); }\n",
		    "void say(const char *, ...);\n"
		    "void f(int x) { if (x) say(\"one other %d\", x); }\n");
}

static void
a_changed_table_that_is_read_is_accepted(void **state)
{
	(void)state;
	must_accept(LIBRARY,
		    "static const int table[4] = { 1, 2, 300, 4 };\n"
		    "int f(int x) { return table[x & 3]; }\n",
		    "static const int table[4] = { 1, 2, 301, 4 };\n"
		    "int f(int x) { return table[x & 3]; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changed_text_that_is_stored_is_refused),
		cmocka_unit_test(a_changed_text_that_is_compared_is_refused),
		cmocka_unit_test(a_changed_table_that_is_handed_on_is_refused),
		cmocka_unit_test(a_changed_text_that_is_passed_is_accepted),
		cmocka_unit_test(a_changed_table_that_is_read_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
