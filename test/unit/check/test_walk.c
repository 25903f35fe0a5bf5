// SPDX-License-Identifier: Apache-2.0

// Two builds side by side as they are: what the walk must follow, and what it must
// not take for a difference.

#include "built.h"

#define GCC   "gcc -O2 -fPIC -shared -x c"
#define CLANG "clang -O2 -fPIC -shared -x c"
#define CXX   "g++ -O2 -fPIC -shared -x c++"

static void
differs(const char *command, const char *old_source, const char *new_source,
	const char *what, const char *where)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(command, old_source, new_source);

	must_differ(&built, what, where);
}

static void
is_same(const char *command, const char *old_source, const char *new_source)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(command, old_source, new_source);

	must_be_same(&built);
}

/** Something in front that moves all that follows. */
#define SHIFT                                                                        \
	"static const char shift[] = \"a text that is in the way of the others\";\n" \
	"const char *added(int i) { return shift + i; }\n"                           \
	"int added_too[40] = {1};\n"

#define JUMPS(last)                                                            \
	"#include <stdio.h>\n"                                                 \
	"int jump(int k, int v) { switch (k) { case 0: return v * 3;\n"        \
	"case 1: puts(\"one\"); return v - 2; case 2: return v * v;\n"         \
	"case 3: return v / 3; case 4: return v % 7; case 5: return -v;\n"     \
	"case 6: puts(\"six\"); return " last "; } return 9; }\n"

static void
jump_tables_are_followed(void **state)
{
	static const char *const commands[] = { GCC, CLANG };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		is_same(commands[i], JUMPS("v + 6"), SHIFT JUMPS("v + 6"));
		differs(commands[i], JUMPS("v + 6"), SHIFT JUMPS("v + 7"),
			"the instructions differ", "jump");
	}
}

#define TEXTS(third)                                                                \
	"const char *name(unsigned k) { switch (k) { case 0: return \"null\";\n"    \
	"case 1: return \"eins\"; case 2: return \"zwei\"; case 3: return \"" third \
	"\"; case 4: return \"vier\"; case 5: return \"fuenf\"; }\n"                \
	"return \"viele\"; }\n"

static void
tables_of_distances_to_texts_are_followed(void **state)
{
	static const char *const commands[] = { GCC, CLANG };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		is_same(commands[i], TEXTS("drei"), SHIFT TEXTS("drei"));
		differs(commands[i], TEXTS("drei"), TEXTS("DREI"), "instead of",
			"name");
		differs(commands[i], TEXTS("drei"), SHIFT TEXTS("DREI"),
			"instead of", "name");
	}
}

/** Texts whose tails are some of those of `TEXTS`: linkers merge them. */
#define MERGED                                                                 \
	"#include <stdio.h>\nvoid say(int n) { puts(\"mal eins\");\n"          \
	"puts(\"mal drei\"); puts(\"mal DREI\"); printf(\"%d\\n\", n); }\n"
/** A text in front that moves all others. */
#define MORE "const char *more(void) { return \"noch ein Text\"; }\n"

static void
such_a_table_may_lead_to_the_tail_of_a_text(void **state)
{
	(void)state;
	is_same(CLANG, TEXTS("drei") MERGED, MORE TEXTS("drei") MERGED);
	differs(CLANG, TEXTS("drei") MERGED, MORE TEXTS("DREI") MERGED,
		"instead of", "name");
}

#define VIRTUAL(value)                                                         \
	"struct shape { virtual int area(int) = 0; virtual ~shape() {} };\n"   \
	"namespace { struct square : shape { int area(int x) override "        \
	"{ return x * x + " value "; } }; }\n"                                 \
	"shape *make() { return new square; }\n"

static void
virtual_tables_are_followed(void **state)
{
	(void)state;
	is_same(CXX, VIRTUAL("3"), SHIFT VIRTUAL("3"));
	differs(CXX, VIRTUAL("3"), SHIFT VIRTUAL("4"),
		"the instructions differ", "make");
}

#define CAUGHT(value)                                                                   \
	"extern void danger(int);\n"                                                    \
	"__attribute__((noinline)) static int only_here(int x) { return x * 7 + " value \
	"; }\n"                                                                         \
	"int go(int x) { try { danger(x); } catch (int e) { return only_here(e); } "    \
	"return 0; }\n"

static void
landing_pads_are_followed(void **state)
{
	(void)state;
	is_same(CXX, CAUGHT("1"), SHIFT CAUGHT("1"));
	differs(CXX, CAUGHT("1"), SHIFT CAUGHT("2"), "the instructions differ",
		"go");
}

static void
the_type_that_is_caught_counts(void **state)
{
	(void)state;
	differs(CXX,
		"extern void danger(int);\nint go(int x) { try { danger(x); } "
		"catch (int e) { return e; } return 0; }\n",
		"extern void danger(int);\nint go(int x) { try { danger(x); } "
		"catch (unsigned e) { return e; } return 0; }\n",
		"bound to", "go");
}

#define LOOP(array, other)                                                           \
	"static int " array "[16], " other "[16];\n"                                 \
	"int sum(void) { int s = 0; for (int *p = a; p != a + 16; p++) s += *p;\n"   \
	"return s; }\n"                                                              \
	"int total(void) { int s = 0; for (int *p = b; p != b + 16; p++) s += *p;\n" \
	"return s; }\n"                                                              \
	"void set(int i, int v) { a[i] = v; b[i] = -v; }\n"

static void
the_end_of_an_object_is_no_other_object(void **state)
{
	(void)state;
	// The two trade places: one's end is now the start of the other.
	is_same("gcc -O1 -fno-toplevel-reorder -fPIC -shared -x c",
		LOOP("a", "b"), LOOP("b", "a"));
}

#define TWO(first, second)                                                     \
	"static int a, b;\n"                                                   \
	"int get_a(void) { return a; }\nint get_b(void) { return b; }\n"       \
	"void set(int v) { " first " = v; " second " = -v; }\n"

static void
one_object_stands_for_one(void **state)
{
	(void)state;
	differs("gcc -O2 -s -fno-toplevel-reorder -fPIC -shared -x c",
		TWO("a", "b"), TWO("b", "a"), "stands for another one", "");
}

static void
what_objects_start_with_counts(void **state)
{
	(void)state;
	differs(GCC, "static int v = 5; int *get(void) { return &v; }\n",
		"static int v = 6; int *get(void) { return &v; }\n",
		"the same contents", "get");
	differs(GCC,
		"static int f(void) { return 1; } static int g(void) { return 2; }\n"
		"struct { int (*p)(void), (*q)(void); } ops = { f, g };\n",
		"static int f(void) { return 1; } static int g(void) { return 3; }\n"
		"struct { int (*p)(void), (*q)(void); } ops = { f, g };\n",
		"the instructions differ", "ops");
}

static void
constructors_and_thread_locals_count(void **state)
{
	(void)state;
	differs(GCC,
		"int x; __attribute__((constructor)) static void c(void) { x = 1; }\n",
		"int x; __attribute__((constructor)) static void c(void) { x = 2; }\n",
		"the instructions differ", ".init_array");
	differs(GCC, "static __thread int t = 3; int *f(void) { return &t; }\n",
		"static __thread int t = 4; int *f(void) { return &t; }\n",
		"differ", ".tdata");
	differs(GCC, "static __thread int t; int *f(void) { return &t; }\n",
		"static __thread int s, t; int *f(void) { return &t; }\n"
		"int *g(void) { return &s; }\n",
		"thread-local", "");
}

static void
an_indirect_function_has_one_resolver(void **state)
{
	(void)state;
	differs(GCC,
		"static int f(void) { return 1; } static int g(void) { return 2; }\n"
		"static void *pick(void) { return (void *)f; }\n"
		"int h(void) __attribute__((ifunc(\"pick\")));\nvoid *k(void) { return (void *)g; }\n",
		"static int f(void) { return 1; } static int g(void) { return 2; }\n"
		"static void *pick(void) { return (void *)g; }\n"
		"int h(void) __attribute__((ifunc(\"pick\")));\nvoid *k(void) { return (void *)f; }\n",
		"differ", "");
}

static void
a_file_at_a_fixed_address_is_refused(void **state)
{
	static const struct graft_check_options options = { NULL, NULL };
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are("gcc -O2 -no-pie -x c",
					 "int main(void) { return 0; }\n",
					 "int main(void) { return 1; }\n");
	struct graft_check_result result = { 0 };
	struct graft_error *err = graft_check(built.old_image, built.new_image,
					      &built.module, &options, &result);

	(void)state;
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_UNSUPPORTED);
	graft_error_free(err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jump_tables_are_followed),
		cmocka_unit_test(tables_of_distances_to_texts_are_followed),
		cmocka_unit_test(such_a_table_may_lead_to_the_tail_of_a_text),
		cmocka_unit_test(virtual_tables_are_followed),
		cmocka_unit_test(landing_pads_are_followed),
		cmocka_unit_test(the_type_that_is_caught_counts),
		cmocka_unit_test(the_end_of_an_object_is_no_other_object),
		cmocka_unit_test(one_object_stands_for_one),
		cmocka_unit_test(what_objects_start_with_counts),
		cmocka_unit_test(constructors_and_thread_locals_count),
		cmocka_unit_test(an_indirect_function_has_one_resolver),
		cmocka_unit_test(a_file_at_a_fixed_address_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
