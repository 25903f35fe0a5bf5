// SPDX-License-Identifier: Apache-2.0

// Data that only a function named which is inlined now: whose are they?

#include "truth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HEAD                                                                   \
	"#define H __attribute__((visibility(\"hidden\")))\n"                  \
	"#define N H __attribute__((noinline, noclone, noipa))\n"              \
	"#define I static inline __attribute__((always_inline))\n"

// Objects have values: clang puts those without in the order of their use.

/** What code names that stays as it is, in front of the others and behind them. */
#define FRONT "H int pushes = 1;\n"
#define BACK  "H int table[8] = { 5 };\nH int last = 2;\n"
#define STAYS                                                                  \
	"N void push(int v) { pushes += v; }\n"                                \
	"N int pushed(void) { return pushes * 3; }\n"                          \
	"N int look(int i) { return table[i & 7] + last; }\n"                  \
	"N void put(int i, int v) { table[i & 7] = v; last = i; }\n"           \
	"int all(int i) { push(i); put(i, i); return pushed() + look(i) + "    \
	"rate(i); }\n"

/** What only the function names that is inlined. */
#define TWO  "H int calls = 3;\nH int sum = 4;\n"
#define SWAP "H int sum = 4;\nH int calls = 3;\n"
/** That function, and who calls it. */
#define COUNT(how, one, other)                                                 \
	how " int count(int v) { " one                                         \
	    " += 1; if (v > 7) v = v * 3 - pushes; " other                     \
	    " += v * 5; return " one " ^ " other "; }\n"
#define RATE                                                                   \
	"N int rate(int v) { v = v * 7 + 5; if (v & 1) v += pushed(); "        \
	"return count(v) * 9 + 4; }\n"

static const char *const ways[][2] = {
	{ "gcc", "-O2 -fPIC -fno-toplevel-reorder" },
	{ "gcc", "-O0 -fPIC -fno-toplevel-reorder" },
	{ "gcc", "-Os -fPIC -fno-toplevel-reorder" },
	{ "clang", "-O0 -fPIC -w" },
	{ "clang", "-O2 -fPIC -w" },
};

/** Build in a way; what the diff says is true. */
static void
make(const char *const way[2], const char *old_text, const char *new_text,
     struct truth *truth)
{
	const char *old_files[] = { old_text, NULL };
	const char *new_files[] = { new_text, NULL };
	struct truth_recipe recipe = {
		.cc = way[0],
		.cflags = way[1],
		.ldflags = "-shared",
		.old_files = old_files,
		.new_files = new_files,
	};

	if (!truth_make(&recipe, truth))
		fail_msg("not built");
	if (truth_check(truth))
		fail_msg("%s %s: %s", way[0], way[1], truth->wrong[0]);
}

static void
must_be_old(const char *old_text, const char *new_text)
{
	static const char *const names[] = { "calls", "sum" };

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct truth truth;
		make(ways[i], old_text, new_text, &truth);
		if (truth.diff->finding_count)
			fail_msg("%s %s: %s", ways[i][0], ways[i][1],
				 truth.diff->findings[0].text);
		for (size_t k = 0; k < 2; k++) {
			assert_true(truth_resolved(&truth, names[k],
						   GRAFT_PLACE_OLD) > 0);
			assert_int_equal(truth_resolved(&truth, names[k],
							GRAFT_PLACE_NEW),
					 0);
		}
		truth_deinit(&truth);
	}
}

static void
must_be_refused(const char *old_text, const char *new_text)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct truth truth;
		make(ways[i], old_text, new_text, &truth);
		if (!truth.diff->finding_count)
			fail_msg("%s %s: accepted", ways[i][0], ways[i][1]);
		truth_deinit(&truth);
	}
}

static void
what_an_inlined_function_named_is_what_it_was(void **state)
{
	(void)state;
	must_be_old(
		HEAD FRONT TWO BACK
		"N int pushed(void);\n" COUNT("N", "calls", "sum") RATE STAYS,
		HEAD FRONT TWO BACK
		"N int pushed(void);\n" COUNT("I", "calls", "sum") RATE STAYS);
}

static void
what_was_inlined_through_another_that_is_gone_is_what_it_was(void **state)
{
#define STEP(how)                                                              \
	"N void push(int v);\n" how                                            \
	" int step(int v) { if (v < 3) push(v * 11); return count(v) ^ 6; }\n"
#define RATE_STEP                                                              \
	"N int rate(int v) { v = v * 7 + 5; if (v & 1) v += pushed(); "        \
	"return step(v) * 9 + 4; }\n"
	(void)state;
	must_be_old(HEAD FRONT TWO BACK
		    "N int pushed(void);\n" COUNT("N", "calls", "sum") STEP("N")
			    RATE_STEP STAYS,
		    HEAD FRONT TWO BACK
		    "N int pushed(void);\n" COUNT("I", "calls", "sum") STEP("I")
			    RATE_STEP STAYS);
}

static void
what_was_inlined_at_another_place_of_the_caller_is_what_it_was(void **state)
{
#define LONG                                                                    \
	"push(v * 11); put(v, 3); push(v ^ 77); put(v + 9, 5); push(look(v)); " \
	"put(v * 3, look(1)); push(pushed() - 4); put(v - 8, look(6) * 25); "
#define RATE_LONG(front, back)                                                 \
	"N void push(int v); N void put(int i, int v); N int look(int i);\n"   \
	"N int rate(int v) { int c = 0; " front LONG back                      \
	" return c * 9 + v; }\n"
#define SAYS "c = count(v);"
#define SPEAKS(how)                                                            \
	"N int pushed(void); N void far(int v) { last -= v; }\n" how           \
	" int count(int v) { calls += 1; far(sum); far(v * 91); if (v > 7) "   \
	"far(pushes); sum += v * 5; far(calls ^ 19); far(44); far(pushed()); " \
	"return sum; }\n"
	(void)state;
	must_be_old(HEAD FRONT TWO BACK SPEAKS("N") RATE_LONG("", SAYS) STAYS,
		    HEAD FRONT TWO BACK SPEAKS("I") RATE_LONG(SAYS, "") STAYS);
	must_be_refused(
		HEAD FRONT TWO BACK SPEAKS("N") RATE_LONG("", SAYS) STAYS,
		HEAD FRONT SWAP BACK SPEAKS("I") RATE_LONG(SAYS, "") STAYS);
}

static void
what_changed_places_under_an_inlined_function_is_not_taken_for_it(void **state)
{
	// The place in front was that of `calls` and is that of `sum`.
	(void)state;
	must_be_refused(
		HEAD FRONT TWO BACK
		"N int pushed(void);\n" COUNT("N", "calls", "sum") RATE STAYS,
		HEAD FRONT SWAP BACK
		"N int pushed(void);\n" COUNT("I", "calls", "sum") RATE STAYS);
}

static void
what_traded_its_use_under_an_inlined_function_is_not_taken_for_it(void **state)
{
	// Places stayed, and code does to one what it did to the other: it has the
	// bytes of places that changed.
	(void)state;
	must_be_refused(
		HEAD FRONT TWO BACK
		"N int pushed(void);\n" COUNT("N", "calls", "sum") RATE STAYS,
		HEAD FRONT TWO BACK
		"N int pushed(void);\n" COUNT("I", "sum", "calls") RATE STAYS);
}

static void
what_stands_where_a_gone_function_counted_is_not_taken_for_it(void **state)
{
	// The function went and was not inlined: other code has two new numbers at
	// the place of the two that went with it.
	(void)state;
	must_be_refused(
		HEAD FRONT TWO BACK
		"N int pushed(void);\n" COUNT("N", "calls", "sum") RATE STAYS,
		HEAD FRONT
		"H int most = 3;\nH int least = 4;\n" BACK
		"N int pushed(void);\n"
		"N int rate(int v) { v = v * 7 + 5; if (v & 1) v += pushed(); "
		"if (v > most) most = v; if (v < least) least = v; "
		"return (most - least) * 9 + 4; }\n" STAYS);
}

/** Two helpers of one shape, but for a number, who calls them, and their data. */
#define NOTES(how)                                                             \
	how " int hit(int v) { hits += v; hits ^= hits >> 7; hits *= 3; "      \
	    "last = 1; return hits; }\n" how                                   \
	    " int miss(int v) { misses += v; misses ^= misses >> 7; "          \
	    "misses *= 3; last = 2; return misses; }\n"
#define HIT_FIRST                                                              \
	"N int rate(int v) { if (v > 12) return hit(v); return miss(v); }\n"
#define MISS_FIRST                                                             \
	"N int rate(int v) { if (v <= 12) return miss(v); return hit(v); }\n"

static void
two_inlined_functions_of_one_shape_are_not_told_apart_by_their_order(
	void **state)
{
	// Nothing else names the two, and both came to stand the other way round.
	(void)state;
	must_be_refused(HEAD FRONT
			"H int hits = 3;\nH int misses = 3;\n" BACK NOTES("N")
				HIT_FIRST STAYS,
			HEAD FRONT
			"H int misses = 3;\nH int hits = 3;\n" BACK NOTES("I")
				MISS_FIRST STAYS);
}

/** A large helper, a small callback that calls it, and who hands it on. */
#define PRICE(how)                                                              \
	how " int price(int v) { int n = v * 7 + last; for (int i = 0; i < v; " \
	    "i++) n += table[i & 7] * (n ^ 5); if (n > 90) n -= pushes * 3; "   \
	    "return n / 9; }\n"
#define VISIT                                                                  \
	"int each(int (*fn)(int), int v);\n"                                   \
	"N int visit(int v) { return price(v) + v; }\n"                        \
	"N int rate(int v) { v = each(visit, v) * 5 + 4; if (v & 1) "          \
	"v -= pushes; return v * 3 + price(v); }\n"

static void
a_callback_with_a_larger_helper_in_it_is_not_the_helper(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct truth truth;
		make(ways[i], HEAD FRONT BACK PRICE("N") VISIT STAYS,
		     HEAD FRONT BACK PRICE("I") VISIT STAYS, &truth);
		if (truth.diff->finding_count)
			fail_msg("%s %s: %s", ways[i][0], ways[i][1],
				 truth.diff->findings[0].text);
		assert_true(truth_resolved(&truth, "visit", GRAFT_PLACE_OLD) >
			    0);
		truth_deinit(&truth);
	}
}

static void
a_callback_that_took_the_place_of_another_is_not_the_other(void **state)
{
	// OLD hands `price` on, and NEW `visit`, which is like it: memory may hold
	// the address of either.
#define HANDS(name)                                                            \
	"int each(int (*fn)(int), int v);\n"                                   \
	"N int rate(int v) { v = each(" name                                   \
	", v) * 5 + 4; if (v & 1) v -= pushes; return v * 3; }\n"
#define OTHER "N int visit(int v) { return v * 31 + last; }\n"
#define TAKES "int both(int v) { return each(visit, v) - each(price, v); }\n"
#define LARGER                                                                 \
	"N int visit(int v) { int n = v * 7 + last; for (int i = 0; i < v; "   \
	"i++) n += table[i & 7] * (n ^ 5); if (n > 91) n -= pushes * 3; "      \
	"return n / 9 + v * 31; }\n"
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct truth truth;
		make(ways[i],
		     HEAD FRONT BACK PRICE("N") OTHER HANDS("price")
			     TAKES STAYS,
		     HEAD FRONT BACK LARGER HANDS("visit") STAYS
		     "int both(int v) { return each(visit, v); }\n",
		     &truth);
		if (!truth.diff->finding_count)
			fail_msg("%s %s: accepted", ways[i][0], ways[i][1]);
		truth_deinit(&truth);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_inlined_function_named_is_what_it_was),
		cmocka_unit_test(
			what_was_inlined_through_another_that_is_gone_is_what_it_was),
		cmocka_unit_test(
			what_was_inlined_at_another_place_of_the_caller_is_what_it_was),
		cmocka_unit_test(
			what_changed_places_under_an_inlined_function_is_not_taken_for_it),
		cmocka_unit_test(
			what_traded_its_use_under_an_inlined_function_is_not_taken_for_it),
		cmocka_unit_test(
			what_stands_where_a_gone_function_counted_is_not_taken_for_it),
		cmocka_unit_test(
			two_inlined_functions_of_one_shape_are_not_told_apart_by_their_order),
		cmocka_unit_test(
			a_callback_with_a_larger_helper_in_it_is_not_the_helper),
		cmocka_unit_test(
			a_callback_that_took_the_place_of_another_is_not_the_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
