// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define CODE                                                                   \
	"KEEP int get(int i) { return table[i]; }\n"                           \
	"KEEP void put(int i, int v) { table[i] = v; count += v; }\n"

static void
an_exported_object_that_grew_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY, PRELUDE "int table[4], count;\n" CODE,
		    PRELUDE "int table[8], count;\n" CODE, "R-03");
}

static void
a_local_object_that_grew_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY, PRELUDE "static int table[4], count;\n" CODE,
		    PRELUDE "static int table[8], count;\n" CODE, "R-03");
}

static void
a_local_object_that_grew_is_seen_without_symbols(void **state)
{
	(void)state;
	must_refuse(STRIPPED,
		    PRELUDE "static int table[4], count;\n" CODE
			    "int more(int i) { return i + 1001; }\n",
		    PRELUDE "static int table[40], count;\n" CODE
			    "int more(int i) { return i + 1002; }\n",
		    "R-03");
}

static void
objects_that_stay_are_accepted(void **state)
{
	(void)state;
	must_accept(STRIPPED,
		    PRELUDE "static int table[4], count;\n" CODE
			    "int more(int i) { return i + 1001; }\n",
		    PRELUDE "static int table[4], count;\n" CODE
			    "int more(int i) { return i + 1002; }\n");
}

/** The same, with objects in the order in which they are written. */
#define WRITTEN "cc -O2 -fno-toplevel-reorder -fPIC -shared -s -x c"
#define TABLE                                                                  \
	"static int table[8];\n"                                               \
	"KEEP int look(int i) { return table[i & 7]; }\n"                      \
	"KEEP void set(int i, int v) { table[i & 7] = v * 3; }\n"
#define MOST                                                                   \
	"int more(int i) { if (i > most) most = i; return i + (most > 7); }\n"

static void
a_new_number_may_use_up_the_padding_behind_its_neighbour(void **state)
{
#define CALLS                                                                  \
	"static int calls;\n"                                                  \
	"KEEP void call(int i) { calls += i; }\n"                              \
	"KEEP int called(void) { return calls; }\n"
	(void)state;
	must_accept(WRITTEN,
		    PRELUDE CALLS TABLE
		    "int more(int i) { return i * 1001 + 9; }\n",
		    PRELUDE "static int most;\n" CALLS TABLE MOST);
}

static void
an_array_behind_a_new_number_may_not_have_less_room(void **state)
{
#define ROW(n)                                                                 \
	"static int row[" n "];\n"                                             \
	"KEEP int rows(int i) { return row[i]; }\n"                            \
	"KEEP void fill(int i, int v) { row[i] = v; }\n"
	(void)state;
	must_refuse(WRITTEN,
		    PRELUDE ROW("3") TABLE
		    "int more(int i) { return i * 1001 + 9; }\n",
		    PRELUDE "static int most;\n" ROW("2") TABLE MOST, "R-01");
}

static void
what_an_inlined_function_took_is_what_it_was(void **state)
{
	// What follows is aligned to 64: for all that its address says there may
	// be padding where the row stands, and now something new.
#define SUM(head)                                                              \
	"static long first[3];\n"                                              \
	"static int row[8];\n"                                                 \
	"static __attribute__((aligned(64))) long last;\n"                     \
	"#define KEPT __attribute__((noinline))\n"                             \
	"KEPT long front(int i) { return first[i & 1]++ * 3; }\n"              \
	"KEPT void put(int i) { row[i & 7] += i; last += i; }\n" head          \
	" int sum(void) { int s = 0; for (int i = 0; i < 8; i++) "             \
	"s = s * 3 + row[i]; return s; }\n"                                    \
	"long use(int i) { put(i); return sum() + front(i) + last; }\n"
	(void)state;
	must_accept("clang -O0 -fPIC -shared -s -x c", SUM("static KEPT"),
		    SUM("static inline __attribute__((always_inline))"));
}

/** With symbols, and in the order in which they are written. */
#define NAMED "cc -O2 -fno-toplevel-reorder -fPIC -shared -x c"
/** Two objects in an order that may change, between two others. */
#define CHANGED_PLACES(first, second, number)                                  \
	PRELUDE "static long front[6];\n" first second                         \
		"static long rear[6];\n"                                       \
		"KEEP long f(long i) { return front[i & 3]++; }\n"             \
		"KEEP long r(long i) { return rear[i & 3]++ * 3; }\n"          \
		"KEEP long s(long i) { return small[i & 1]++ * 5; }\n"         \
		"KEEP long l(long i) { return large[i & 7]++ * 7; }\n"         \
		"long more(long i) { return i * " number "; }\n"
#define SMALL "static long small[2];\n"
#define LARGE "static long large[9];\n"
/** An object without a symbol. */
#define NAMELESS(size)                                                         \
	"asm(\".bss\\n.Lplace: .zero " size "\\n.text\");\n"                   \
	"KEEP long *place(void) { long *p;\n"                                  \
	"  asm(\"lea .Lplace(%%rip), %0\" : \"=r\"(p)); return p; }\n"

static void
objects_with_names_may_change_places(void **state)
{
	(void)state;
	must_accept(NAMED, CHANGED_PLACES(SMALL, LARGE, "1001"),
		    CHANGED_PLACES(LARGE, SMALL, "1002"));
	must_refuse(NAMED " -s", CHANGED_PLACES(SMALL, LARGE, "1001"),
		    CHANGED_PLACES(LARGE, SMALL, "1002"), "R-01");
}

static void
an_object_without_a_name_among_them_is_measured(void **state)
{
	(void)state;
	must_accept(NAMED, CHANGED_PLACES(SMALL NAMELESS("16"), LARGE, "1001"),
		    CHANGED_PLACES(SMALL NAMELESS("16"), LARGE, "1002"));
	must_refuse(NAMED, CHANGED_PLACES(SMALL NAMELESS("16"), LARGE, "1001"),
		    CHANGED_PLACES(SMALL NAMELESS("48"), LARGE, "1002"),
		    "R-03");
	must_refuse(NAMED, CHANGED_PLACES(SMALL NAMELESS("16"), LARGE, "1001"),
		    CHANGED_PLACES(LARGE, SMALL NAMELESS("48"), "1002"),
		    "R-03");
}

static void
an_object_with_a_name_that_grew_among_them_is_refused(void **state)
{
	(void)state;
	must_refuse(NAMED, CHANGED_PLACES(SMALL, LARGE, "1001"),
		    CHANGED_PLACES(LARGE, "static long small[4];\n", "1002"),
		    "R-03");
	// Which of two of one name it is, is not known.
	must_refuse(
		NAMED,
		CHANGED_PLACES(
			SMALL, LARGE,
			"1001") "KEEP long a(void) { static int n; return n++; }\n"
				"KEEP long b(void) { static int n; return n++ * 3; }\n",
		CHANGED_PLACES(
			LARGE, SMALL,
			"1002") "KEEP long a(void) { static int n; return n++; }\n"
				"KEEP long b(void) { static long n[4]; return n[0]++ * 3; }\n",
		"R-03");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exported_object_that_grew_is_refused),
		cmocka_unit_test(a_local_object_that_grew_is_refused),
		cmocka_unit_test(
			a_local_object_that_grew_is_seen_without_symbols),
		cmocka_unit_test(objects_that_stay_are_accepted),
		cmocka_unit_test(
			a_new_number_may_use_up_the_padding_behind_its_neighbour),
		cmocka_unit_test(
			an_array_behind_a_new_number_may_not_have_less_room),
		cmocka_unit_test(what_an_inlined_function_took_is_what_it_was),
		cmocka_unit_test(objects_with_names_may_change_places),
		cmocka_unit_test(
			an_object_without_a_name_among_them_is_measured),
		cmocka_unit_test(
			an_object_with_a_name_that_grew_among_them_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
