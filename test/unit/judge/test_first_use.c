// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define TABLE                                                                          \
	PRELUDE "extern void *make(const char *text, int n); int used(void *, int);\n" \
		"static void *table; static int ready; static long limit;\n"

#define LAZY(text, n, more)                                                    \
	TABLE "int use(int i) { if (!table) table = make(" text ", " n         \
	      "); " more " return used(table, i); }\n"

static void
what_is_made_at_a_first_use_is_told_the_same(void **state)
{
	(void)state;
	must_refuse(LIBRARY, LAZY("\"a\"", "3", ""), LAZY("\"b\"", "3", ""),
		    "R-04");
	must_refuse(LIBRARY, LAZY("\"a\"", "3", ""), LAZY("\"a\"", "4", ""),
		    "R-04");
	must_refuse(STRIPPED, LAZY("\"a\"", "3", ""), LAZY("\"b\"", "3", ""),
		    "R-04");
	must_accept(LIBRARY, LAZY("\"a\"", "3", ""),
		    LAZY("\"a\"", "3", "if (i > 8) i = 8;"));
}

static void
what_may_be_cleared_is_made_again(void **state)
{
	(void)state;
	const char *clear =
		LAZY("\"a\"", "3",
		     "") "void clear(void) { free(table); table = NULL; }\n";
	const char *other =
		LAZY("\"b\"", "3",
		     "") "void clear(void) { free(table); table = NULL; }\n";

	must_accept(LIBRARY, clear, other);
}

#define FLAG(body, more)                                                       \
	TABLE "int use(int i) { if (!ready) { table = make(\"a\", 1); " body   \
	      " ready = 1; } " more                                            \
	      " return used(table, i) + (limit > i); }\n"                      \
	      "void option(int n) { limit = n; }\n"

static void
what_is_set_at_a_first_use_is_set_in_both_builds(void **state)
{
	(void)state;
	must_refuse(LIBRARY, FLAG("", ""), FLAG("limit = used(table, 7);", ""),
		    "R-04");
	must_refuse(LIBRARY, FLAG("limit = used(table, 7);", ""), FLAG("", ""),
		    "R-04");
	must_refuse(
		LIBRARY, FLAG("", ""),
		FLAG("make(\"c\", 2);",
		     "") "void *(*volatile made)(const char *, int) = make;\n",
		"R-04");
	must_accept(LIBRARY, FLAG("", ""), FLAG("if (!table) return 0;", ""));
	must_accept(LIBRARY, FLAG("", ""), FLAG("", "if (i < 0) return 0;"));
}

static void
what_is_only_said_at_a_first_use_may_be_said_otherwise(void **state)
{
	(void)state;
	must_accept(LIBRARY, FLAG("puts(\"was made\");", ""),
		    FLAG("puts(\"is made\");", ""));
}

#define OFTEN(text)                                                            \
	TABLE "int use(int i) { if (!ready) { table = make(" text              \
	      ", 1); if (i > 9) ready = 1; } return used(table, i); }\n"

static void
what_is_done_until_a_last_time_is_no_first_use(void **state)
{
	(void)state;
	must_accept(LIBRARY, OFTEN("\"a\""), OFTEN("\"b\""));
}

#define BELOW(n)                                                               \
	TABLE "static long sizes[2];\n"                                        \
	      "KEEP static void fill(void) { sizes[1] = used(0, " n            \
	      "); ready = 1; }\n"                                              \
	      "long use(int i) { if (!ready) fill(); return sizes[i]; }\n"

static void
a_function_that_is_called_at_a_first_use_only_is_part_of_it(void **state)
{
	(void)state;
	must_refuse(LIBRARY, BELOW("3"), BELOW("4"), "R-04");
	must_accept(LIBRARY,
		    BELOW("3") "long again(void) { fill(); return 0; }\n",
		    BELOW("4") "long again(void) { fill(); return 0; }\n");
}

#define ONCE(n, more)                                                          \
	"#include <pthread.h>\n" TABLE                                         \
	"static pthread_once_t once = PTHREAD_ONCE_INIT;\n"                    \
	"static void init(void) { table = make(\"a\", " n "); " more " }\n"    \
	"int use(int i) { pthread_once(&once, init); "                         \
	"return used(table, i) + limit; }\n"                                   \
	"void option(int n) { limit = n; }\n"

static void
what_pthread_once_calls_runs_once(void **state)
{
	(void)state;
	must_refuse(LIBRARY, ONCE("3", ""), ONCE("4", ""), "R-04");
	must_refuse(LIBRARY, ONCE("3", ""), ONCE("3", "limit = 4;"), "R-04");
	must_accept(LIBRARY, ONCE("3", ""), ONCE("3", "if (!table) abort();"));
}

#define GUARDED(n, more)                                                       \
	"extern \"C\" long make(long n); extern \"C\" long use(long i)\n"      \
	"{ static const long made = make(" n "); " more                        \
	" return made + i; }\n"

static void
a_static_variable_of_a_function_begins_once(void **state)
{
	(void)state;
	must_refuse(CXX, GUARDED("3", ""), GUARDED("4", ""), "R-04");
	must_accept(CXX, GUARDED("3", ""), GUARDED("3", "if (i < 0) i = 0;"));
}

static void
what_counts_up_to_a_limit_is_no_sign_of_a_first_use(void **state)
{
#define BOUNDED(text)                                                          \
	TABLE "static void *all[6]; static int count;\n"                       \
	      "KEEP int add(int i) { if (count == 6) return -1;\n"             \
	      " void *made = make(" text ", i); if (!made) abort();\n"         \
	      " used(made, 5); all[count] = made; return count++; }\n"         \
	      "int get(int i) { return used(all[i], count); }\n"
#define BEGUN(text)                                                            \
	TABLE "int use(int i) { if (ready != 2) { table = make(" text          \
	      ", 1); ready = 2; } return used(table, i); }\n"
	(void)state;
	must_accept("gcc -Os -fPIC -shared -x c", BOUNDED("\"a\""),
		    BOUNDED("\"b\""));
	must_refuse(LIBRARY, BEGUN("\"a\""), BEGUN("\"b\""), "R-04");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_at_a_first_use_is_told_the_same),
		cmocka_unit_test(what_may_be_cleared_is_made_again),
		cmocka_unit_test(
			what_is_set_at_a_first_use_is_set_in_both_builds),
		cmocka_unit_test(
			what_is_only_said_at_a_first_use_may_be_said_otherwise),
		cmocka_unit_test(
			what_is_done_until_a_last_time_is_no_first_use),
		cmocka_unit_test(
			a_function_that_is_called_at_a_first_use_only_is_part_of_it),
		cmocka_unit_test(what_pthread_once_calls_runs_once),
		cmocka_unit_test(a_static_variable_of_a_function_begins_once),
		cmocka_unit_test(
			what_counts_up_to_a_limit_is_no_sign_of_a_first_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
