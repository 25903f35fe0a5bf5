// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

static void
a_new_object_of_two_functions_is_refused(void **state)
{
	(void)state;
	must_refuse(
		LIBRARY,
		PRELUDE "int sum;\n"
			"KEEP void set(int x) { sum = x; }\n"
			"KEEP int get(int x) { return sum + x; }\n",
		PRELUDE
		"int sum; static int limit;\n"
		"KEEP void set(int x) { sum = x; limit = x * 2; }\n"
		"KEEP int get(int x) { if (x > limit) return 0; return sum + x; }\n",
		"R-19");
}

static void
a_new_object_of_one_function_is_accepted(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		PRELUDE "int sum;\n"
			"KEEP void set(int x) { sum = x; }\n"
			"KEEP int get(int x) { return sum + x; }\n",
		PRELUDE
		"int sum;\n"
		"KEEP void set(int x) { sum = x; }\n"
		"KEEP int get(int x) { static int calls; if (++calls > 9) return 0; return sum + x; }\n");
}

/** A function that knows new variables, on both sides. */
static const char before[] =
	"int getpid(void); int sum; KEEP int f(int x) { sum += x; return sum + getpid(); }\n";

static void
one_way_that_sets_for_another_is_refused(void **state)
{
	static const char *const bodies[] = {
		"static int level; if (x > 9) level = x; else if (!level) return -1;",
		"static int level; if (x > 9) { level = 1; return 0; } sum += level;",
		"static int level; switch (x) { case 1: level = getpid(); break; case 2: return level; }",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		char o[1024];
		char n[1024];
		snprintf(o, sizeof(o), PRELUDE "%s", before);
		snprintf(
			n, sizeof(n),
			PRELUDE
			"int getpid(void); int sum; KEEP int f(int x) { %s sum += x; return sum + getpid(); }\n",
			bodies[i]);
		must_refuse(LIBRARY, o, n, "R-19");
	}
}

static void
who_looks_before_it_sets_is_accepted(void **state)
{
	static const char *const bodies[] = {
		"static int n; if (x > 9 && n++ > 3) return -1;",
		"static int most; if (x > most) most = x; else if (x < -most) return 1;",
		"static int last; if (last == x) return 0; last = x;",
		"static int n; if (x > 9) n = 0; else if (n++ > 3) return -1;",
		"static int full, id; if (!full) { id = getpid(); full = 1; } sum += id;",
		"static int copy; copy = x * sum; if (copy > 99) return copy;",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		char o[1024];
		char n[1024];
		snprintf(o, sizeof(o), PRELUDE "%s", before);
		snprintf(
			n, sizeof(n),
			PRELUDE
			"int getpid(void); int sum; KEEP int f(int x) { %s sum += x; return sum + getpid(); }\n",
			bodies[i]);
		must_accept(LIBRARY, o, n);
	}
}

#define TABLE_USER                                                             \
	"static int first[4], last[4]; int sum;\n"                             \
	"KEEP int a(int x) { return first[x & 3] + ++sum; }\n"                 \
	"KEEP int z(int x) { last[x & 3] = x; return last[1]; }\n"

static void
a_table_that_another_function_fills_is_refused_without_symbols(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		PRELUDE TABLE_USER "KEEP void set(int x) { sum = x; }\n"
				   "KEEP int get(int x) { return sum + x; }\n",
		PRELUDE
		"static int first[4], table[16], last[4]; int sum;\n"
		"KEEP int a(int x) { return first[x & 3] + ++sum; }\n"
		"KEEP int z(int x) { last[x & 3] = x; return last[1]; }\n"
		"KEEP void set(int x) { sum = x; for (int i = 0; i < 16; i++) table[i] = i * x; }\n"
		"KEEP int get(int x) { return sum + table[x & 15]; }\n",
		"R-19");
}

/** Copies of one function in two others, and what it has a variable for. */
#define COPIES                                                                 \
	PRELUDE                                                                \
	"int sum;\n"                                                           \
	"static inline __attribute__((always_inline)) int most(int set, int x) {\n"
#define CALLERS                                                                \
	"}\n"                                                                  \
	"KEEP int set(int x) { return most(1, x) + sum; }\n"                   \
	"KEEP int get(int x) { return most(0, x) - sum; }\n"
#define DESCRIBED "cc -g -O2 -fPIC -shared -x c"

static void
judge_copies(const char *command)
{
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(
		command, COPIES "return x + set;" CALLERS,
		COPIES
		"static int high; if (x > high) high = x; return x + set + (high > 1000);" CALLERS);

	if (result.verdict != GRAFT_VERDICT_HOTPATCH)
		print_reasons(&result);
	assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
}

static void
copies_of_one_function_that_each_set_its_variable_are_accepted(void **state)
{
	(void)state;
	judge_copies(DESCRIBED);
	// It does not say of which function the variable is.
	judge_copies("clang -g -O2 -fPIC -shared -x c");
}

static void
a_copy_that_only_reads_the_variable_of_its_function_is_refused(void **state)
{
	(void)state;
	must_refuse(
		DESCRIBED, COPIES "return x + set;" CALLERS,
		COPIES
		"static int high; if (set) high = x; return x + set + (high > 1000);" CALLERS,
		"R-19");
}

static void
a_copy_that_reads_what_another_one_set_is_refused(void **state)
{
	(void)state;
	// Each sets it: one to what it is given, one to what is left of that.
	must_refuse(
		DESCRIBED, COPIES "return x + set;" CALLERS,
		COPIES
		"static int left; if (set) left = x; else left--; return x + set + (left > 1000);" CALLERS,
		"R-19");
}

static void
copies_of_two_functions_that_share_a_variable_are_refused(void **state)
{
	(void)state;
	must_refuse(
		DESCRIBED, COPIES "return x + set;" CALLERS,
		PRELUDE
		"int sum; static int high;\n"
		"static inline __attribute__((always_inline)) int most(int set, int x) {\n"
		"if (x > high) high = x; return x + set + (high > 1000);" CALLERS,
		"R-19");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_object_of_two_functions_is_refused),
		cmocka_unit_test(a_new_object_of_one_function_is_accepted),
		cmocka_unit_test(one_way_that_sets_for_another_is_refused),
		cmocka_unit_test(who_looks_before_it_sets_is_accepted),
		cmocka_unit_test(
			a_table_that_another_function_fills_is_refused_without_symbols),
		cmocka_unit_test(
			copies_of_one_function_that_each_set_its_variable_are_accepted),
		cmocka_unit_test(
			a_copy_that_only_reads_the_variable_of_its_function_is_refused),
		cmocka_unit_test(
			a_copy_that_reads_what_another_one_set_is_refused),
		cmocka_unit_test(
			copies_of_two_functions_that_share_a_variable_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
