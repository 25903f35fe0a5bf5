// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define PLAIN "cc -O0 -fPIC -shared -s -x c"

/** An object with a state, and something that is called before it is set. */
#define OBJECT                                                                 \
	PRELUDE                                                                \
	"struct s { long k; int state; }; void say(int);\n"                    \
	"int get(struct s *p) { return p->state; }\n"

static void
a_state_that_is_chosen_before_it_is_stored_is_refused(void **state)
{
	static const char *const commands[] = { STRIPPED, PLAIN };

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		must_refuse(
			commands[i],
			OBJECT
			"void f(struct s *p, int c) { int x = c ? 3 : 4; say(x); p->state = x; }\n",
			OBJECT
			"void f(struct s *p, int c) { int x = c ? 3 : 5; say(x); p->state = x; }\n",
			"R-24");
}

static void
a_state_that_comes_in_addition_is_accepted(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		OBJECT
		"void f(struct s *p, int c) { int x = c > 9 ? 3 : 4; say(x); p->state = x; }\n",
		OBJECT
		"void f(struct s *p, int c) { int x = c > 9 ? 3 : c < 0 ? 7 : 4; say(x); p->state = x; }\n");
}

static void
a_choice_that_is_computed_in_another_way_is_accepted(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		OBJECT
		"int f(struct s *p, int c) { int x = c ? 3 : 4; say(x); p->state = x; return c; }\n",
		OBJECT
		"int f(struct s *p, int c) { int x; if (c < -5) return 1; if (c) { x = 3; say(3); } else { x = 4; say(4); } p->state = x; return c; }\n");
}

static void
a_choice_that_a_helper_stores_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		OBJECT
		"KEEP static void set(struct s *p, int x) { p->state = x; say(x); }\n"
		"void f(struct s *p, int c) { set(p, c > 7 ? 3 : 4); }\n"
		"void g(struct s *p) { set(p, 9); }\n",
		OBJECT
		"KEEP static void set(struct s *p, int x) { p->state = x; say(x); }\n"
		"void f(struct s *p, int c) { set(p, c > 7 ? 3 : 6); }\n"
		"void g(struct s *p) { set(p, 9); }\n",
		"R-24");
}

static void
a_choice_that_the_caller_stores_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		OBJECT
		"KEEP static int pick(int c) { say(c); return c > 7 ? 3 : 4; }\n"
		"void f(struct s *p, int c) { p->state = pick(c); }\n",
		OBJECT
		"KEEP static int pick(int c) { say(c); return c > 7 ? 3 : 6; }\n"
		"void f(struct s *p, int c) { p->state = pick(c); }\n",
		"R-24");
}

static void
a_choice_that_nobody_keeps_is_accepted(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		OBJECT
		"void f(struct s *p, int c) { say(c > 7 ? 3 : 4); p->k += c; }\n",
		OBJECT
		"void f(struct s *p, int c) { say(c > 7 ? 3 : 6); p->k += c; }\n");
}

#define BY_TABLE(third)                                                                                                   \
	OBJECT                                                                                                            \
	"void f(struct s *p, int c) { int x; switch (c) { case 0: x = 5; break; case 1: x = 9; break; case 2: x = " third \
	"; break; case 3: x = 2; break; case 4: x = 77; break; default: x = 0; } p->state = x; }\n"

static void
a_state_from_a_table_that_differs_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED, BY_TABLE("17"), BY_TABLE("18"), "R-24");
}

/** A state that is looked up by name in a table with some rows. */
#define LOOKED_UP(rows)                                                             \
	OBJECT "static const struct { int num; const char *name; } rows[] = {" rows \
	       " };\n"                                                              \
	       "void f(struct s *p, const char *name) {\n"                          \
	       "	for (int i = 0; rows[i].name; i++)\n"                              \
	       "		if (strcmp(rows[i].name, name) == 0) {"                           \
	       " p->state = rows[i].num; return; }\n"                               \
	       "	p->state = -1; }\n"
#define ROWS                                                                   \
	"{ 1, \"low speed\" }, { 2, \"full speed\" }, { 3, \"high speed\" }"
#define END ", { 0, 0 }, { 0, 0 }"

static void
a_table_that_got_more_rows_at_its_end_is_accepted(void **state)
{
	(void)state;
	must_accept(STRIPPED, LOOKED_UP(ROWS END),
		    LOOKED_UP(ROWS ", { 6, \"super speed\" }" END));
}

/** A table without an end, and another one behind it. */
#define BOUNDED(rows, count)                                                          \
	OBJECT "struct row { long num; const char *name; };\n"                        \
	       "__attribute__((aligned(32))) static const struct row more[] = {"      \
	       " { 8, \"first error\" }, { 9, \"second error\" } };\n"                \
	       "__attribute__((aligned(32))) static const struct row rows[] = {" rows \
	       " };\n"                                                                \
	       "const struct row *error(long i) { return &more[i & 1]; }\n"           \
	       "const char *name(long i) { return rows[i % 2].name; }\n"              \
	       "void f(struct s *p, const char *name) {\n"                            \
	       "	for (int i = 0; i < " #count "; i++)\n"                       \
	       "		if (strcmp(rows[i].name, name) == 0) {"                             \
	       " p->state = rows[i].num; return; }\n"                                 \
	       "	p->state = -1; }\n"

static void
a_table_without_an_end_may_grow_up_to_what_follows_it(void **state)
{
	(void)state;
	must_accept(STRIPPED, BOUNDED(ROWS ", { 4, \"wireless\" }", 4),
		    BOUNDED(ROWS
			    ", { 4, \"wireless\" }, { 6, \"super speed\" }",
			    5));
	// No room between the two: a row may have come in the middle.
	must_refuse(
		STRIPPED, BOUNDED(ROWS ", { 4, \"wireless\" }", 4),
		BOUNDED(ROWS
			", { 4, \"wireless\" }, { 6, \"super speed\" }, { 7, \"plus\" }",
			6),
		"R-24");
}

static void
a_table_with_another_row_than_at_its_end_is_refused(void **state)
{
	static const char *const sources[] = {
		// One in the middle, one in front, another number, another name.
		LOOKED_UP(
			"{ 1, \"low speed\" }, { 6, \"super speed\" }, { 2, \"full speed\" }, { 3, \"high speed\" }" END),
		LOOKED_UP("{ 6, \"super speed\" }, " ROWS END),
		LOOKED_UP(
			"{ 1, \"low speed\" }, { 2, \"full speed\" }, { 4, \"high speed\" }, { 6, \"super speed\" }" END),
		LOOKED_UP(
			"{ 1, \"low speed\" }, { 2, \"fast speed\" }, { 3, \"high speed\" }, { 6, \"super speed\" }" END),
		// No row ends the table, so the last one may be any.
		LOOKED_UP(
			ROWS
			", { 6, \"super speed\" }, { 7, 0 }, { 8, 0 }, { 9, 0 }"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		must_refuse(STRIPPED, LOOKED_UP(ROWS END), sources[i], "R-24");
}

/** A state that is looked up by a condition, or by a number, in a table with
 * something else behind it. */
#define BY_CONDITION(second, behind, index)                                    \
	OBJECT "static const unsigned char t[8] = { 5, " second ", " behind    \
	       " };\n"                                                         \
	       "void f(struct s *p, int c) { const unsigned char *q = t;\n"    \
	       "  long i = " index "; asm(\"\" : \"+r\"(q), \"+r\"(i));\n"     \
	       "  p->state = q[i]; }\n"

static void
what_stands_behind_the_rows_of_a_condition_may_differ(void **state)
{
	(void)state;
	must_accept(STRIPPED, BY_CONDITION("9", "2, 3, 4", "c > 7"),
		    BY_CONDITION("9", "2, 7, 4", "c > 7"));
	must_refuse(STRIPPED, BY_CONDITION("9", "2, 3, 4", "c > 7"),
		    BY_CONDITION("8", "2, 7, 4", "c > 7"), "R-24");
	must_refuse(STRIPPED, BY_CONDITION("9", "2, 3, 4", "c & 7"),
		    BY_CONDITION("9", "2, 7, 4", "c & 7"), "R-24");
	must_refuse(STRIPPED, BY_CONDITION("9", "2, 3, 4", "(c > 7) * 3"),
		    BY_CONDITION("9", "2, 7, 4", "(c > 7) * 3"), "R-24");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_state_that_is_chosen_before_it_is_stored_is_refused),
		cmocka_unit_test(a_state_that_comes_in_addition_is_accepted),
		cmocka_unit_test(
			a_choice_that_is_computed_in_another_way_is_accepted),
		cmocka_unit_test(a_choice_that_a_helper_stores_is_refused),
		cmocka_unit_test(a_choice_that_the_caller_stores_is_refused),
		cmocka_unit_test(a_choice_that_nobody_keeps_is_accepted),
		cmocka_unit_test(a_state_from_a_table_that_differs_is_refused),
		cmocka_unit_test(
			a_table_that_got_more_rows_at_its_end_is_accepted),
		cmocka_unit_test(
			a_table_without_an_end_may_grow_up_to_what_follows_it),
		cmocka_unit_test(
			a_table_with_another_row_than_at_its_end_is_refused),
		cmocka_unit_test(
			what_stands_behind_the_rows_of_a_condition_may_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
