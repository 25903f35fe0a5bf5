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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
