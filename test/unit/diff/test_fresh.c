// SPDX-License-Identifier: Apache-2.0

// New objects of builds without symbols: what proves one, and what looks like one.

#include "truth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HEAD                                                                   \
	"#define H __attribute__((visibility(\"hidden\")))\n"                  \
	"#define N H __attribute__((noinline, noclone, noipa))\n"

/** What code uses that stays as it is. */
#define STAYS                                                                  \
	"N void push(int v) { pushes += v; }\n"                                \
	"N int pushed(void) { return pushes * 3; }\n"                          \
	"N int look(int i) { return table[i & 7] + last; }\n"                  \
	"N void put(int i, int v) { table[i & 7] = v; last = i; }\n"           \
	"int all(int i) { push(i); put(i, i); return pushed() + look(i) + "    \
	"rate(i); }\n"
#define PUSHES "H int pushes;\n"
#define TABLE  "H int table[8];\nH int last;\n"
/** The function that changes, and how it makes the most of what it saw. */
#define RATE(code) "N int rate(int v) { v = v * 7 + 5; " code " return v; }\n"
#define MOST(name) "if (v > " name ") " name " = v; v += " name " > 100;"

static void
make_by(const char *cc, const char *cflags, const char *old_text,
	const char *new_text, struct truth *truth)
{
	const char *old_files[] = { old_text, NULL };
	const char *new_files[] = { new_text, NULL };
	struct truth_recipe recipe = {
		.cc = cc,
		.cflags = cflags,
		.ldflags = "-shared",
		.old_files = old_files,
		.new_files = new_files,
	};

	if (!truth_make(&recipe, truth))
		fail_msg("not built");
	if (truth_check(truth))
		fail_msg("%s", truth->wrong[0]);
}

static void
make(const char *old_text, const char *new_text, struct truth *truth)
{
	make_by("gcc", "-O2 -fPIC -fno-toplevel-reorder", old_text, new_text,
		truth);
}

/** Whatever order the objects have: what is said of them is true, or nothing. */
static void
must_be_true(const char *old_text, const char *new_text)
{
	static const char *const ways[][2] = {
		{ "gcc", "-O0 -fPIC -fno-toplevel-reorder" },
		{ "gcc", "-Os -fPIC" },
		{ "clang", "-O2 -fPIC -w" },
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct truth truth;
		make_by(ways[i][0], ways[i][1], old_text, new_text, &truth);
		truth_deinit(&truth);
	}
}

static void
must_be_new(const char *old_text, const char *new_text, const char *name)
{
	struct truth truth;

	make(old_text, new_text, &truth);
	if (truth.diff->finding_count)
		fail_msg("%s", truth.diff->findings[0].text);
	assert_true(truth_resolved(&truth, name, GRAFT_PLACE_NEW) > 0);
	assert_int_equal(truth_resolved(&truth, name, GRAFT_PLACE_OLD), 0);
	truth_deinit(&truth);
}

/** Nothing may be said of an object: it is refused. */
static void
must_be_refused(const char *old_text, const char *new_text, const char *name)
{
	struct truth truth;

	make(old_text, new_text, &truth);
	assert_int_equal(truth_resolved(&truth, name, GRAFT_PLACE_NEW), 0);
	assert_true(truth.diff->finding_count > 0);
	truth_deinit(&truth);
}

static void
must_not_be_new(const char *old_text, const char *new_text, const char *name)
{
	must_be_refused(old_text, new_text, name);
	must_be_true(old_text, new_text);
}

static void
a_number_that_moved_all_others_on_is_new(void **state)
{
	(void)state;
	must_be_new(HEAD PUSHES TABLE RATE("") STAYS,
		    HEAD "H int most;\n" PUSHES TABLE RATE(MOST("most")) STAYS,
		    "most");
	must_be_new(HEAD PUSHES TABLE RATE("") STAYS,
		    HEAD PUSHES "H int most;\n" TABLE RATE(MOST("most")) STAYS,
		    "most");
}

static void
a_number_that_begins_with_a_value_is_new(void **state)
{
#define INIT "H int pushes = 7;\nH int table[8] = { 1 };\nH int last = 2;\n"
	(void)state;
	must_be_new(HEAD INIT RATE("") STAYS,
		    HEAD "H int most = 9;\n" INIT RATE(MOST("most")) STAYS,
		    "most");
}

static void
what_only_the_changed_function_named_is_not_new(void **state)
{
	// It was `calls`, and is at another place, used otherwise.
	(void)state;
	must_not_be_new(
		HEAD PUSHES TABLE "H int calls;\n" RATE("calls ^= v;") STAYS,
		HEAD "H int calls;\n" PUSHES TABLE RATE(MOST("calls")) STAYS,
		"calls");
	must_not_be_new(
		HEAD PUSHES
		"H int calls;\n" TABLE RATE("calls ^= v; v += calls;") STAYS,
		HEAD "H int calls;\n" PUSHES TABLE RATE(MOST("calls")) STAYS,
		"calls");
}

static void
what_stands_for_a_counter_that_is_gone_is_not_new(void **state)
{
	// Where it has the very place of the one that is gone it has the bytes of
	// one variable that is used otherwise: nothing tells them apart.
	(void)state;
	must_be_refused(
		HEAD PUSHES TABLE
		"H int calls;\n" RATE("calls ^= v; v -= calls & 1;") STAYS,
		HEAD "H int most;\n" PUSHES TABLE RATE(MOST("most")) STAYS,
		"most");
	// Of a function that is gone.
	must_be_refused(
		HEAD PUSHES TABLE "H int calls;\n" RATE(
			"v += gone(v);") "N int gone(int v) { calls ^= v; "
					 "return calls * 5; }\n" STAYS,
		HEAD "H int most;\n" PUSHES TABLE RATE(MOST("most")) STAYS,
		"most");
}

static void
an_element_of_an_array_that_grew_is_not_new(void **state)
{
#define LOOK                                                                   \
	"N int seen(int i) { return hits[i] * 9; }\n"                          \
	"N void hit(int i) { hits[i]++; }\n"                                   \
	"int use(int i) { hit(i); return seen(i); }\n"
	(void)state;
	must_not_be_new(
		HEAD "H int hits[8];\n" PUSHES TABLE RATE("") LOOK STAYS,
		HEAD "H int hits[9];\n" PUSHES TABLE RATE(MOST("hits[8]"))
			LOOK STAYS,
		"hits");
	// Something else of it is named, too.
	must_not_be_new(
		HEAD "H int hits[8];\n" PUSHES TABLE RATE("") LOOK
		"int one(void) { return ++hits[7]; }\n" STAYS,
		HEAD "H int hits[9];\n" PUSHES TABLE RATE(MOST("hits[8]")) LOOK
		"int one(void) { return ++hits[7]; }\n" STAYS,
		"hits");
}

static void
an_array_that_grew_is_not_hidden_by_who_comes_from_its_end(void **state)
{
#define DOWN(n)                                                                \
	"int sum(void) { int s = 0; for (int *p = hits + " n                   \
	"; p-- > hits;) s = s * 3 + *p; return s; }\n"
	(void)state;
	must_not_be_new(
		HEAD "H int hits[8];\n" PUSHES TABLE RATE("") DOWN("8") STAYS,
		HEAD "H int hits[9];\n" PUSHES TABLE RATE(MOST("hits[8]"))
			DOWN("9") STAYS,
		"hits");
}

static void
who_reaches_below_something_farther_behind_may_stay(void **state)
{
#define UNDO "H struct undo { int a, b, c; } undos[8];\nH int used;\n"
#define BACK                                                                   \
	"int back(int n) { int s = 0; struct undo *u = undos + used;\n"        \
	"while (used && n--) { used--; u--; s += u->b * 3 + u->c; }\n"         \
	"return s + undos[0].a; }\n"                                           \
	"int last_undo(void) { return (undos + 8)[-used].b; }\n"
	(void)state;
	must_be_new(HEAD PUSHES TABLE UNDO RATE("") BACK STAYS,
		    HEAD "H int most;\n" PUSHES TABLE UNDO RATE(MOST("most"))
			    BACK STAYS,
		    "most");
}

static void
a_member_of_an_object_that_grew_is_not_new(void **state)
{
#define KEPT(more) "H struct kept { int a[4]; int total; " more "} kept;\n"
#define KEEP                                                                    \
	"N void add(struct kept *k, int i) { k->a[i & 3]++; k->total += i; }\n" \
	"N struct kept *get(void) { return &kept; }\n"                          \
	"N int total(void) { return kept.total; }\n"                            \
	"int use(int i) { add(get(), i); return total(); }\n"
	(void)state;
	must_not_be_new(HEAD KEPT("") PUSHES TABLE RATE("") KEEP STAYS,
			HEAD KEPT("int most; ")
				PUSHES TABLE RATE(MOST("kept.most")) KEEP STAYS,
			"kept");
}

static void
a_member_that_only_pointers_led_to_is_not_new(void **state)
{
#define FIRST "H int first;\n"
	(void)state;
	must_not_be_new(HEAD KEPT("int most; ") PUSHES TABLE RATE("")
				KEEP STAYS,
			HEAD KEPT("int most; ")
				PUSHES TABLE RATE(MOST("kept.most")) KEEP STAYS,
			"kept");
	// Something that is new moved all of it on.
	must_not_be_new(HEAD KEPT("int most; ") PUSHES TABLE RATE("")
				KEEP STAYS,
			HEAD FIRST KEPT("int most; ") PUSHES TABLE RATE(
				MOST("kept.most") MOST("first")) KEEP STAYS,
			"kept");
}

static void
a_member_that_pointers_led_to_and_names_do_now_is_not_new(void **state)
{
#define NAMES                                                                  \
	"N void add(struct kept *k, int i) { kept.total += i; }\n"             \
	"N struct kept *get(void) { return 0; }\n"                             \
	"N int total(void) { return kept.total; }\n"                           \
	"int use(int i) { add(get(), i); return total(); }\n"
	(void)state;
	must_not_be_new(
		HEAD KEPT("int most; ") PUSHES TABLE RATE("") KEEP STAYS,
		HEAD KEPT("int most; ") PUSHES TABLE RATE(MOST("kept.most"))
			NAMES STAYS,
		"kept");
}

static void
what_only_data_led_to_is_not_new(void **state)
{
#define LED "H int led;\n"
#define TO                                                                     \
	"H int *const ways[] = { &led, &last };\n"                             \
	"int go(int i) { return ++*ways[i & 1]; }\n"
	(void)state;
	must_not_be_new(HEAD PUSHES TABLE LED RATE("") TO STAYS,
			HEAD LED PUSHES TABLE RATE(MOST("led")) TO STAYS,
			"led");
}

static void
what_has_its_address_taken_is_not_new(void **state)
{
	(void)state;
	must_not_be_new(
		HEAD PUSHES TABLE RATE("") STAYS,
		HEAD "H int most;\n" PUSHES TABLE RATE(
			MOST("most") "__asm__ volatile(\"\" :: \"r\"(&most));")
			STAYS,
		"most");
}

static void
what_is_only_read_or_written_by_name_is_not_new(void **state)
{
	(void)state;
	must_not_be_new(HEAD PUSHES TABLE RATE("") STAYS,
			HEAD "H int most;\n" PUSHES TABLE RATE("v += most;")
				STAYS,
			"most");
	must_not_be_new(HEAD PUSHES TABLE RATE("") STAYS,
			HEAD "H int most;\n" PUSHES TABLE RATE("most = v;")
				STAYS,
			"most");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_that_moved_all_others_on_is_new),
		cmocka_unit_test(a_number_that_begins_with_a_value_is_new),
		cmocka_unit_test(
			what_only_the_changed_function_named_is_not_new),
		cmocka_unit_test(
			what_stands_for_a_counter_that_is_gone_is_not_new),
		cmocka_unit_test(an_element_of_an_array_that_grew_is_not_new),
		cmocka_unit_test(
			an_array_that_grew_is_not_hidden_by_who_comes_from_its_end),
		cmocka_unit_test(
			who_reaches_below_something_farther_behind_may_stay),
		cmocka_unit_test(a_member_of_an_object_that_grew_is_not_new),
		cmocka_unit_test(a_member_that_only_pointers_led_to_is_not_new),
		cmocka_unit_test(
			a_member_that_pointers_led_to_and_names_do_now_is_not_new),
		cmocka_unit_test(what_only_data_led_to_is_not_new),
		cmocka_unit_test(what_has_its_address_taken_is_not_new),
		cmocka_unit_test(
			what_is_only_read_or_written_by_name_is_not_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
