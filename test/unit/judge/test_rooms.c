// SPDX-License-Identifier: Apache-2.0

// Objects that changed places together with the functions that name them.

#include "pair.h"

/** Objects and functions stand as they are written. */
#define WRITTEN "cc -O2 -fno-toplevel-reorder -fPIC -shared -s -x c"

#define GET(name)                                                              \
	"KEEP int get_" name "(int i) { return " name "[i & 3]; }\n"           \
	"KEEP void put_" name "(int i, int v) { " name "[i & 3] = v * 3; }\n"
#define MORE(n) "KEEP int more(int i) { return i * 7 + " n "; }\n"
#define LEFT    "static int left[8];\n"
#define RIGHT   "static int right[16];\n"
#define OTHER(code)                                                            \
	"KEEP int get_right(int i) { return right[i & 7] - 1; }\n"             \
	"KEEP void put_right(int i, int v) { right[i & 7] ^= v; " code "}\n"

static void
arrays_that_changed_places_are_accepted(void **state)
{
	(void)state;
	must_accept(WRITTEN,
		    PRELUDE LEFT RIGHT GET("left") OTHER("") MORE("1001"),
		    PRELUDE RIGHT LEFT OTHER("") GET("left") MORE("1002"));
}

static void
an_array_that_changed_its_place_and_grew_is_refused(void **state)
{
	(void)state;
	must_refuse(WRITTEN,
		    PRELUDE LEFT RIGHT GET("left") OTHER("") MORE("1001"),
		    PRELUDE RIGHT "static int left[9];\n" OTHER("") GET("left")
			    MORE("1002"),
		    "R-03");
	must_refuse(WRITTEN,
		    PRELUDE LEFT RIGHT GET("left") OTHER("") MORE("1001"),
		    PRELUDE "static int right[17];\n" LEFT OTHER("") GET("left")
			    MORE("1002"),
		    "R-03");
}

static void
what_is_only_named_has_no_room_to_keep(void **state)
{
	// Behind it stands now what is aligned to 32.
	static const char count[] = "static int count;\n";
	static const char use[] = "KEEP int bump(void) { return ++count; }\n";
	char o[2048];
	char n[2048];

	(void)state;
	snprintf(o, sizeof(o), "%s%s%s%s%s", PRELUDE LEFT, count, GET("left"),
		 use, MORE("1001"));
	snprintf(n, sizeof(n), "%s%s%s%s%s", PRELUDE, count, LEFT, use,
		 GET("left") MORE("1002"));
	must_accept(WRITTEN, o, n);
}

static void
an_element_does_not_pass_for_an_object_that_changed_its_place(void **state)
{
#define ELEMENT(name, n) "KEEP void " name "(int v) { left[" n "] += v; }\n"
	(void)state;
	// The third became the fifth, and functions changed places.
	must_refuse(
		WRITTEN,
		PRELUDE LEFT RIGHT GET("left") ELEMENT("bump", "3") OTHER(
			"") "KEEP int second(void) { return left[4] + 9; }\n",
		PRELUDE LEFT RIGHT OTHER("") GET("left") ELEMENT(
			"bump",
			"5") "KEEP int second(void) { return left[4] + 9; }\n",
		"R-03");
}

static void
two_values_of_one_word_may_come_from_two_places(void **state)
{
	static const char use[] =
		"KEEP int get(void) { return near * 3 + far; }\n"
		"KEEP void put(int v) { near = v; far = -v; }\n";
	char o[2048];
	char n[2048];

	(void)state;
	snprintf(o, sizeof(o), "%s%s%s%s%s", PRELUDE "static int near = 5;\n",
		 "static int gap[8] = { 1, 2, 3 };\nstatic int far = 9;\n", use,
		 "KEEP int gaps(void) { return gap[0] - gap[7]; }\n",
		 MORE("1001"));
	snprintf(n, sizeof(n), "%s%s%s%s%s", PRELUDE "static int near = 5;\n",
		 "static int far = 9;\nstatic int gap[8] = { 1, 2, 3 };\n",
		 "KEEP int gaps(void) { return gap[0] - gap[7]; }\n", use,
		 MORE("1002"));
	must_accept(WRITTEN, o, n);
}

#define LOCK(name) "static pthread_mutex_t " name ";\n"
#define TAKE(name)                                                             \
	"KEEP int take_" name "(int i) { pthread_mutex_lock(&" name "); "      \
	"i *= 3; pthread_mutex_unlock(&" name "); return i; }\n"
#define THREADS PRELUDE "#include <pthread.h>\n"
#define ANY                                                                    \
	"KEEP int get_left(int i) { return left[i]; }\n"                       \
	"KEEP void put_left(int i, int v) { left[i] = v * 3; }\n"
#define WALK(n)                                                                \
	"KEEP int walk(void) { int s = 0; for (int *p = left; p < left + " n   \
	"; p++) s = s * 31 + *p; return s; }\n"
#define COUNT "static int count;\n"
#define BUMP  "KEEP int bump(void) { return ++count; }\n"

static void
what_changed_its_place_behind_an_array_and_a_lock_is_accepted(void **state)
{
	static const char behind[] =
		"KEEP long get_far(int i) { return far[i]++; }\n";
	char o[4096];
	char n[4096];

	(void)state;
	snprintf(o, sizeof(o), "%s%s%s%s%s", THREADS LEFT LOCK("one"),
		 "static long far[16];\n", ANY TAKE("one"), behind,
		 MORE("1001"));
	snprintf(n, sizeof(n), "%s%s%s%s%s", THREADS LEFT,
		 "static long far[16];\n" LOCK("one"), behind, TAKE("one") ANY,
		 MORE("1002"));
	must_accept(WRITTEN, o, n);
}

static void
an_array_in_front_of_a_lock_that_grew_is_refused(void **state)
{
	(void)state;
	must_refuse(WRITTEN,
		    THREADS LEFT LOCK("one") COUNT ANY TAKE("one")
			    BUMP MORE("1001"),
		    THREADS COUNT LOCK("one") "static int left[9];\n" BUMP TAKE(
			    "one") ANY MORE("1002"),
		    "R-03");
}

static void
a_lock_in_an_element_ends_no_array(void **state)
{
#define ELEMENTS                                                               \
	"static struct { int x; int y; pthread_mutex_t m; long z; } left[6];\n"
#define IN_ELEMENTS(a, b, c)                                                   \
	"KEEP int by_index(int i) { pthread_mutex_lock(&left[i].m); "          \
	"return left[i].x++; }\n"                                              \
	"KEEP void x(void) { left[" a "].x++; }\n"                             \
	"KEEP void y(int v) { left[" b "].y -= v; }\n"                         \
	"KEEP int m(int v) { pthread_mutex_lock(&left[" c                      \
	"].m); return v; }\n"
	(void)state;
	must_refuse(WRITTEN,
		    THREADS ELEMENTS IN_ELEMENTS("3", "4", "1") MORE("1001"),
		    THREADS ELEMENTS MORE("1002") IN_ELEMENTS("4", "3", "1"),
		    "R-03");
}

static void
an_element_of_what_is_walked_over_is_no_variable(void **state)
{
#define USES(a, b)                                                             \
	"KEEP void add(int v) { " a " += v; }\n"                               \
	"KEEP void sub(int v) { " b " -= v; }\n"
	static const char o[] = THREADS LEFT COUNT LOCK("one") ANY WALK("8")
		TAKE("one") USES("left[7]", "count") MORE("1001");

	(void)state;
	// The last element and a variable changed places, as do functions.
	must_refuse(WRITTEN, o,
		    THREADS COUNT LOCK("one") LEFT USES("count", "left[7]")
			    TAKE("one") WALK("8") ANY MORE("1002"),
		    "R-03");
	must_refuse(WRITTEN, o,
		    THREADS LEFT LOCK("one") COUNT USES("count", "left[7]")
			    TAKE("one") WALK("8") ANY MORE("1002"),
		    "R-03");
}

static void
the_address_of_one_word_that_is_followed_leads_to_no_other(void **state)
{
	static const char use[] =
		"struct node { struct node *next; int n; };\n"
		"KEEP int drop(struct node *n) { struct node **at = &head; "
		"while (*at && *at != n) at = &(*at)->next; "
		"if (!*at) return -1; *at = n->next; return 0; }\n"
		"KEEP void put(struct node *n) { n->next = head; head = n; }\n";
	char o[4096];
	char n[4096];

	(void)state;
	snprintf(o, sizeof(o), "%s%s%s%s%s%s", PRELUDE,
		 "static struct node *head;\n", COUNT LEFT, use, BUMP ANY,
		 MORE("1001"));
	snprintf(n, sizeof(n), "%s%s%s%s%s%s", PRELUDE,
		 "static struct node *head;\n", LEFT COUNT, use, ANY BUMP,
		 MORE("1002"));
	must_accept("clang -O2 -fPIC -shared -s -x c", o, n);
}

static void
a_function_with_another_line_shows_what_it_names(void **state)
{
#define SURE(line)                                                             \
	"void __assert_fail(const char *, const char *, unsigned, "            \
	"const char *) __attribute__((noreturn));\n"                           \
	"KEEP void sure(int i) { if (i > 7) __assert_fail(\"i\", \"f\", " line \
	", \"g\"); count = i; }\n"
	(void)state;
	must_accept(WRITTEN,
		    PRELUDE COUNT LEFT SURE("10") GET("left") MORE("1001"),
		    PRELUDE LEFT COUNT GET("left") SURE("20") MORE("1002"));
}

static void
an_object_at_the_end_of_a_section_has_no_padding(void **state)
{
	(void)state;
	// The array that shrank stood at the end, where nothing is behind it.
	must_refuse(WRITTEN,
		    PRELUDE COUNT RIGHT LEFT BUMP OTHER("") GET("left")
			    MORE("1001"),
		    PRELUDE "static int left[4];\n" COUNT RIGHT GET("left")
			    OTHER("") BUMP MORE("1002"),
		    "R-03");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrays_that_changed_places_are_accepted),
		cmocka_unit_test(
			an_array_that_changed_its_place_and_grew_is_refused),
		cmocka_unit_test(what_is_only_named_has_no_room_to_keep),
		cmocka_unit_test(
			an_element_does_not_pass_for_an_object_that_changed_its_place),
		cmocka_unit_test(
			two_values_of_one_word_may_come_from_two_places),
		cmocka_unit_test(
			what_changed_its_place_behind_an_array_and_a_lock_is_accepted),
		cmocka_unit_test(
			an_array_in_front_of_a_lock_that_grew_is_refused),
		cmocka_unit_test(a_lock_in_an_element_ends_no_array),
		cmocka_unit_test(
			an_element_of_what_is_walked_over_is_no_variable),
		cmocka_unit_test(
			the_address_of_one_word_that_is_followed_leads_to_no_other),
		cmocka_unit_test(
			a_function_with_another_line_shows_what_it_names),
		cmocka_unit_test(
			an_object_at_the_end_of_a_section_has_no_padding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
