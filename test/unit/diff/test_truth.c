// SPDX-License-Identifier: Apache-2.0

// Pairs of small programs, built with symbols to know the truth and compared
// without: whatever the diff resolves has to be what the symbols say.

#include "truth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HIDDEN "__attribute__((visibility(\"hidden\")))"

/** What both files of every pair start with. */
#define HEAD                                                                   \
	"#define H " HIDDEN "\n#define N " HIDDEN                              \
	" __attribute__((noinline))\n"                                         \
	"extern int puts(const char *);\n"                                     \
	"extern long sum(const void *, const void *), use(const void *);\n"

static const char *const compilers[] = { "gcc", "clang" };
static const char *const levels[] = { "-O0", "-O2", "-O3", "-Os" };

static void
check(const struct truth_recipe *recipe, struct truth *truth)
{
	if (!truth_make(recipe, truth))
		fail_msg("%s %s %s: not built", recipe->cc, recipe->cflags,
			 recipe->ldflags);
	if (truth_check(truth))
		fail_msg("%s %s %s: %s", recipe->cc, recipe->cflags,
			 recipe->ldflags, truth->wrong[0]);
}

/** Check a pair with each compiler and level; count those without findings. */
static size_t
check_all(const char *old_a, const char *old_b, const char *new_a,
	  const char *new_b, const char *cflags, const char *ldflags)
{
	const char *old_files[] = { old_a, old_b, NULL };
	const char *new_files[] = { new_a, new_b, NULL };
	size_t clean = 0;

	for (size_t i = 0; i < 2 * 4; i++) {
		char flags[256];
		snprintf(flags, sizeof(flags), "-fPIC %s %s", levels[i / 2],
			 cflags);
		struct truth_recipe recipe = { .cc = compilers[i % 2],
					       .cflags = flags,
					       .ldflags = ldflags,
					       .old_files = old_files,
					       .new_files = new_files };
		struct truth truth;
		check(&recipe, &truth);
		clean += truth.diff->finding_count == 0;
		truth_deinit(&truth);
	}
	return clean;
}

/** The same with a single file. */
static size_t
check_one(const char *old_text, const char *new_text)
{
	return check_all(old_text, NULL, new_text, NULL, "",
			 "-shared -Wl,-z,now");
}

static void
a_table_that_is_read_behind_another_start_has_changed(void **state)
{
	(void)state;
#define TABLE(last)                                                            \
	HEAD "const H int t[8] = {9, 8, 7, 6, 5, 4, 3, " last "};\n"           \
	     "long f(long x) { return t[x]; }\n"                               \
	     "long g(long x) { return t[x + 2]; }\n"                           \
	     "long h(long x) { return t[x - 1]; }\n"
	assert_int_equal(check_one(TABLE("2"), TABLE("1")), 8);
}

static void
the_start_and_the_end_of_a_table_are_of_one_copy(void **state)
{
	(void)state;
#define LOOP(last, other)                                                      \
	HEAD "const H int t[4] = {900000, 800000, 700000, " last "};\n"        \
	     "const H int u[4] = {100000, 200000, 300000, " other "};\n"       \
	     "long f(long x) { for (const int *p = t; p < t + 4; p++)\n"       \
	     "x += *p * 3; return x; }\n"                                      \
	     "long g(long x) { for (const int *p = t + 4; p-- > t;)\n"         \
	     "x = x * 5 + *p; return x; }\n"                                   \
	     "long h(void) { return use(u) + sum(t, t + 4); }\n"
	// What reaches below the end of the section is refused.
	assert_true(check_one(LOOP("1", "7"), LOOP("2", "7")) >= 5);
	assert_true(check_one(LOOP("1", "7"), LOOP("1", "8")) >= 5);
	assert_true(check_one(LOOP("1", "7"), LOOP("2", "8")) >= 5);
}

static void
an_end_whose_neighbour_moved_stays_an_end(void **state)
{
	(void)state;
	const char *a = HEAD "const H int t[4] = {900000, 800000, 70000, 1};\n"
			     "long f(void) { return sum(t, t + 4); }\n";
	const char *b = HEAD "const H int u[4] = {100000, 200000, 70000, 1};\n"
			     "long g(void) { return sum(u, u + 4); }\n"
			     "long h(long x) { return x; }\n";
	const char *c = HEAD "const H int u[4] = {100000, 200000, 70000, 1};\n"
			     "long g(void) { return sum(u, u + 4); }\n"
			     "long h(long x) { return x + 1; }\n";
	assert_true(check_all(a, b, c, a, "", "-shared") > 0);
	(void)check_all(a, b, a, c, "", "-shared");
}

static void
accessors_of_one_shape_do_not_swap_their_objects(void **state)
{
	(void)state;
	const char *a = HEAD "H long one; N long get_one(void) { return one; }"
			     "N void set_one(long x) { one = x; }\n";
	const char *b = HEAD "H long two; N long get_two(void) { return two; }"
			     "N void set_two(long x) { two = x; }\n";
#define USER(n)                                                                \
	HEAD "extern H long get_one(void), get_two(void);\n"                   \
	     "extern H void set_one(long), set_two(long);\n"                   \
	     "long f(long x) { set_one(x); set_two(get_one() + " n ");\n"      \
	     "return get_two(); }\n"
	char old_b[2048];
	char new_b[2048];
	snprintf(old_b, sizeof(old_b), "%s%s", b,
		 strstr(USER("1"), "extern H"));
	snprintf(new_b, sizeof(new_b), "%s%s", b,
		 strstr(USER("2"), "extern H"));
	(void)check_all(a, old_b, new_b, a, "", "-shared");
	(void)check_all(a, old_b, a, new_b, "", "-shared");
}

static void
tables_of_pointers_keep_the_identity_of_functions(void **state)
{
	(void)state;
#define OPS(extra)                                                             \
	HEAD "N long add(long x) { return x + 1; }\n"                          \
	     "N long mul(long x) { return x * 3; }\n"                          \
	     "struct op { const char *name; long (*fn)(long); };\n"            \
	     "const H struct op ops[3] = {{\"add\", add}, {\"mul\", mul}};\n"  \
	     "long f(long x) { " extra " return ops[x].fn(x); }\n"             \
	     "long g(long x) { return use(ops[x].name) + use(add); }\n"
	assert_int_equal(check_one(OPS(""), OPS("puts(\"new text\");")), 8);
}

static void
new_imports_and_new_functions_are_carried(void **state)
{
	(void)state;
#define IMPORT(decl, use)                                                      \
	HEAD decl "long f(long x) { " use " return use(\"x\") + x; }\n"
	size_t clean = check_one(IMPORT("", ""),
				 IMPORT("extern int other(void);\n"
					"N long added(long x) { return "
					"x * 77 + puts(\"added\"); }\n",
					"x += other() + added(x);"));
	assert_int_equal(clean, 8);
	clean = check_all(IMPORT("", ""), NULL,
			  IMPORT("extern int other(void);\n", "x += other();"),
			  NULL, "-fno-plt -fcf-protection", "-shared");
	assert_int_equal(clean, 8);
}

static void
switches_and_cold_parts_come_with_their_functions(void **state)
{
	(void)state;
#define SWITCH(n)                                                              \
	HEAD "extern void fail(int) __attribute__((cold, noreturn));\n"        \
	     "long f(long x) { switch (x) {\n"                                 \
	     "case 0: return use(\"a\"); case 1: x += 5; break;\n"             \
	     "case 2: fail(2); case 3: return sum(&x, 0);\n"                   \
	     "case 4: x ^= 3; break; case 5: puts(\"five\"); break;\n"         \
	     "case 6: x *= " n "; } return x * 2; }\n"
	assert_int_equal(check_one(SWITCH("7"), SWITCH("9")), 8);
}

static void
floating_constants_and_texts_are_found_again(void **state)
{
	(void)state;
#define FLOAT(a, b)                                                            \
	HEAD "double f(double x) { return x * " a "; }\n"                      \
	     "double g(double x) { return x * 2.75 + 1.125; }\n"               \
	     "long h(void) { return puts(\"" b "\") + puts(\"other\"); }\n"    \
	     "long i(void) { return puts(\"third\"); }\n"
	assert_int_equal(check_one(FLOAT("1.5", "text"), FLOAT("1.75", "text")),
			 8);
	assert_int_equal(
		check_one(FLOAT("1.5", "text"), FLOAT("1.5", "changed")), 8);
}

static void
every_way_to_link_tells_the_truth(void **state)
{
	(void)state;
	static const char *const ways[] = {
		"-shared -Wl,-z,now",
		"-shared -fuse-ld=lld",
		"-shared -fuse-ld=lld -Wl,--icf=all",
		"-shared -Wl,-z,norelro",
		"-shared -Wl,-Bsymbolic",
		"-shared -Wl,-z,separate-code -Wl,--hash-style=gnu",
	};
#define MIX(n, extra)                                                          \
	HEAD "H int count = 3; H int array[16]; H long total;\n"               \
	     "const H unsigned char bytes[8] = {1, 2, 3, 4, 5, 6, 7, 99};\n"   \
	     "N long a(long x) { count++; return array[x] + bytes[x - 1]; }\n" \
	     "N long b(long x) { for (int *p = array; p < array + 16; p++)\n"  \
	     "x += *p; total += x; return x; }\n"                              \
	     "N long c(long x) { return total + x; }\n"                        \
	     "N long d(long x) { return total + x; }\n"                        \
	     "long f(long x) { " extra " return a(x) + b(x) * " n              \
	     " + c(x) + d(x); }\n"
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		(void)check_all(MIX("2", ""), NULL, MIX("3", "count = 5;"),
				NULL, "-ffunction-sections -fdata-sections",
				ways[i]);
	}
	assert_int_equal(check_all(MIX("2", ""), NULL, MIX("3", ""), NULL, "",
				   "-shared"),
			 8);
}

static void
link_time_optimisation_tells_the_truth(void **state)
{
	(void)state;
	const char *old_files[] = { MIX("2", ""), NULL };
	const char *new_files[] = { MIX("3", ""), NULL };
	struct truth_recipe recipe = { .cc = "gcc",
				       .cflags = "-fPIC -O2 -flto",
				       .ldflags = "-shared",
				       .old_files = old_files,
				       .new_files = new_files };
	struct truth truth;

	check(&recipe, &truth);
	assert_true(truth_is_carried(&truth, "f"));
	truth_deinit(&truth);
}

static void
a_program_at_a_fixed_address_is_refused(void **state)
{
	(void)state;
	const char *old_files[] = { "int x; int main(void) { return x; }",
				    NULL };
	const char *new_files[] = { "int x; int main(void) { return x + 1; }",
				    NULL };
	struct truth_recipe recipe = { .cc = "gcc",
				       .cflags = "-O2 -fno-pie",
				       .ldflags = "-no-pie",
				       .old_files = old_files,
				       .new_files = new_files };
	struct truth truth;

	assert_true(truth_make(&recipe, &truth));
	assert_true(truth_finds(&truth, GRAFT_FINDING_POSITION));
	truth_deinit(&truth);
}

static void
a_thread_local_variable_that_moved_is_refused(void **state)
{
	(void)state;
#define LOCAL(vars, n)                                                         \
	HEAD "H __thread long " vars ";\n"                                     \
	     "long f(long x) { a += x + " n "; return a; }\n"                  \
	     "long g(long x) { b += x; return b; }\n"
	const char *old_files[] = { LOCAL("a = 1, b = 2", "1"), NULL };
	const char *new_files[] = { LOCAL("b = 1, a = 2", "2"), NULL };
	struct truth_recipe recipe = {
		.cc = "gcc",
		.cflags = "-O2 -fPIC -ftls-model=local-exec -fPIE",
		.ldflags = "-pie -Wl,--unresolved-symbols=ignore-all "
			   "-Wl,--export-dynamic -nostartfiles",
		.old_files = old_files,
		.new_files = new_files,
	};
	struct truth truth;

	assert_true(truth_make(&recipe, &truth));
	assert_true(truth.diff->finding_count > 0 ||
		    truth.diff->carried_count == 0);
	assert_true(truth_finds(&truth, GRAFT_FINDING_TLS));
	truth_deinit(&truth);
}

static void
a_function_that_is_gone_but_may_be_remembered_is_refused(void **state)
{
	(void)state;
#define CALLBACK(body, name)                                                   \
	HEAD "H long (*hook)(long);\n"                                         \
	     "N long " name "(long x) { " body " }\n"                          \
	     "long f(long x) { hook = " name "; return x; }\n"                 \
	     "long g(long x) { return hook(x); }\n"
	const char *old_files[] = { CALLBACK("return x + 1;", "cb"), NULL };
	const char *new_files[] = {
		CALLBACK("for (long i = 0; i < x; i++) { puts(\"loop\");"
			 "use(&x); sum(&x, &i); } return use(&hook) * 12345;",
			 "cb"),
		NULL
	};
	struct truth_recipe recipe = { .cc = "gcc",
				       .cflags = "-O2 -fPIC",
				       .ldflags = "-shared",
				       .old_files = old_files,
				       .new_files = new_files };
	struct truth truth;

	check(&recipe, &truth);
	// Either it was matched all the same, or it is refused.
	assert_true(truth.diff->finding_count > 0 ||
		    truth_is_carried(&truth, "cb"));
	truth_deinit(&truth);
}

static void
a_new_object_in_the_padding_is_not_the_end_of_its_neighbour(void **state)
{
	(void)state;
#define PADDED(object, more)                                                   \
	HEAD "H long first; H int array[5]; " object "\n"                      \
	     "long f(long x) { first = x; array[x] = 7; return x " more        \
	     "; }\n"                                                           \
	     "long g(void) { return sum(array, array + 5); }\n"
	(void)check_all(PADDED("", ""), NULL,
			PADDED("H int added;", "+ use(&added)"), NULL, "",
			"-shared");
}

static void
the_end_of_the_last_table_goes_with_what_stands_before(void **state)
{
	(void)state;
	// The address behind the table is that of the next section.
#define LAST(first, n)                                                         \
	HEAD "const H int t[5] = {" first ", 2900, 8100, 77, 546864191};\n"    \
	     "long f(long x) { for (const int *p = t; p < t + 5; p++)\n"       \
	     "x += *p * 5; return x + sum(t, t + 5); }\n"                      \
	     "long g(long x) { return x * " n "; }\n"                          \
	     "long h(long x) { for (const int *p = t + 5; p-- > t;)\n"         \
	     "x = x * 5 + *p; return x; }\n"
	(void)check_one(LAST("429036086", "3"), LAST("429036087", "3"));
	(void)check_one(LAST("429036086", "3"), LAST("429036086", "7"));
}

static void
a_callback_does_not_become_its_new_neighbour(void **state)
{
	(void)state;
#define NEIGHBOUR(added, call)                                                 \
	HEAD "struct col { int a, b, c; }; H struct col t[5]; H int u[9];\n"   \
	     "struct op { const char *name; long (*fn)(long); };\n"            \
	     "N long end(long x) { return x ^ 99; }\n" added                   \
	     "N long cb(long x) { return x + t[x].b; }\n"                      \
	     "const H struct op ops[2] = {{\"cb\", cb}, {\"end\", end}};\n"    \
	     "long f(long x) { u[x] = 7; " call "return ops[x].fn(x); }\n"
	(void)check_one(
		NEIGHBOUR("", ""),
		NEIGHBOUR("N long added(long x) { return x + u[x + 1]; }\n",
			  "x += added(x); "));
	(void)check_one(NEIGHBOUR("", ""),
			NEIGHBOUR("N long added(long x) { return x + u[x]; }\n",
				  "x += use(added); "));
}

static void
a_table_does_not_end_in_a_number_that_looks_like_text(void **state)
{
	(void)state;
	// The last number has the bytes of three letters and a NUL.
#define LETTERS(n)                                                             \
	HEAD "const H int t[5] = {862374899, 624118690, 418228952, 0, " n "};" \
	     "\nconst H int u[4] = {700, 800, 900, 1000};\n"                   \
	     "long f(long x) { return t[x - 1]; }\n"                           \
	     "long g(long x) { return t[x + 4]; }\n"                           \
	     "long h(long x) { return u[x - 3] + sum(t, t + 5); }\n"
	(void)check_one(LETTERS("4781769"), LETTERS("4781770"));
}

static void
a_function_that_names_another_variable_has_changed(void **state)
{
	(void)state;
	// Its form is the same, and nobody else names the other variable.
#define OTHER(name, kind)                                                      \
	HEAD "H int one[16]; __attribute__((used)) H int two[16]; H int n;\n"  \
	     "long f(long x) { n++; return " kind "(" name ") * 3 + x; }\n"    \
	     "long g(long x) { one[3] = 7; return use(one); }\n"               \
	     "long h(long x) { return n + x; }\n"
	const char *old_files[] = { OTHER("one[3]", ""), NULL };
	const char *new_files[] = { OTHER("two[3]", ""), NULL };
	struct truth_recipe recipe = { .cc = "gcc",
				       .cflags = "-O2 -fPIC",
				       .ldflags = "-shared",
				       .old_files = old_files,
				       .new_files = new_files };
	struct truth truth;

	check(&recipe, &truth);
	assert_true(truth.diff->finding_count > 0 ||
		    truth_is_carried(&truth, "f"));
	truth_deinit(&truth);
}

static void
the_end_of_an_array_does_not_follow_its_neighbour(void **state)
{
	(void)state;
#define BESIDE(first, second, call)                                            \
	HEAD "H int array[16] = {1, 2}; H int " first "; H int " second ";\n"  \
	     "long f(long x) { b++; " call " return sum(array, array + 16); }" \
	     "\nlong g(long x) { array[x - 1] = x; return a; }\n"              \
	     "long h(long x) { array[x] = x; return b; }\n"
	(void)check_one(BESIDE("a = 1", "b = 2", ""),
			BESIDE("b = 2", "a = 1", "puts(\"more\");"));
	(void)check_one(BESIDE("a = 1", "b = 2", ""),
			BESIDE("a = 1", "b = 2", "puts(\"more\");"));
}

static void
a_constant_that_goes_along_says_what_it_was(void **state)
{
	(void)state;
	// Only the second table changes; it may be part of the first.
	const char *old_files[] = { LOOP("1", "7"), NULL };
	const char *new_files[] = { LOOP("1", "8"), NULL };
	struct truth_recipe recipe = { .cc = "gcc",
				       .cflags = "-fPIC -O2",
				       .ldflags = "-shared",
				       .old_files = old_files,
				       .new_files = new_files };
	struct truth truth;
	size_t seen = 0;

	check(&recipe, &truth);
	for (size_t i = 0; i < truth.diff->piece_count; i++) {
		const struct graft_piece *piece = &truth.diff->pieces[i];
		if (piece->thing != GRAFT_THING_CONSTANT)
			continue;
		assert_int_not_equal(piece->old_addr, 0);
		seen++;
	}
	assert_true(seen > 0 || truth.diff->finding_count > 0);
	truth_deinit(&truth);
}

/** Compare a pair of files that keeps its symbols. */
static void
check_with_symbols(const char *old_text, const char *new_text,
		   const char *ldflags)
{
	const char *old_files[] = { old_text, NULL };
	const char *new_files[] = { new_text, NULL };

	for (size_t i = 0; i < 2 * 4; i++) {
		char flags[64];
		snprintf(flags, sizeof(flags), "-fPIC %s", levels[i / 2]);
		struct truth_recipe recipe = { .cc = compilers[i % 2],
					       .cflags = flags,
					       .ldflags = ldflags,
					       .old_files = old_files,
					       .new_files = new_files,
					       .keep_symbols = i % 2 };
		struct truth truth;
		check(&recipe, &truth);
		truth_deinit(&truth);
	}
}

static void
indirect_functions_and_aliases_tell_the_truth(void **state)
{
	(void)state;
#define INDIRECT(n)                                                            \
	HEAD "static long one(long x) { return x * " n "; }\n"                 \
	     "static long two(long x) { return x + 4; }\n"                     \
	     "static void *pick(void) { return use(0) ? one : two; }\n"        \
	     "long f(long) __attribute__((ifunc(\"pick\")));\n"                \
	     "long g(long x) { puts(\"g" n "\"); return x + " n "; }\n"        \
	     "long alias(long) __attribute__((alias(\"g\")));\n"               \
	     "long __attribute__((visibility(\"protected\"))) p(long x)\n"     \
	     "{ return g(x) * " n "; }\n"                                      \
	     "long h(long x) { return f(x) + alias(x) + p(x); }\n"
	check_with_symbols(INDIRECT("3"), INDIRECT("7"), "-shared");
	check_with_symbols(INDIRECT("3"), INDIRECT("7"),
			   "-shared -Wl,-Bsymbolic -Wl,-z,now");
}

static void
constructors_and_computed_gotos_tell_the_truth(void **state)
{
	(void)state;
#define GOTO(n, more)                                                          \
	HEAD "H long count; " more                                             \
	     "__attribute__((constructor)) static void init(void)\n"           \
	     "{ count = use(\"init\"); }\n"                                    \
	     "long f(const char *s) { static const void *const to[] =\n"       \
	     "{ &&a, &&b, &&c }; long x = count; goto *to[*s];\n"              \
	     "a: x += " n "; goto *to[*++s]; b: x *= 3; goto *to[*++s];\n"     \
	     "c: return x; }\n"                                                \
	     "long g(long x) { return count + x; }\n"
	check_with_symbols(GOTO("1", ""), GOTO("2", ""), "-shared");
	check_with_symbols(GOTO("1", ""),
			   GOTO("2", "H long fresh = 3;\n"
				     "long h(void) { return fresh++; }\n"),
			   "-shared");
}

static void
equal_builds_are_identical(void **state)
{
	(void)state;
	const char *files[] = { MIX("2", ""), NULL };
	struct truth_recipe recipe = { .cc = "clang",
				       .cflags = "-fPIC -O2",
				       .ldflags = "-shared",
				       .old_files = files,
				       .new_files = files };
	struct truth truth;

	check(&recipe, &truth);
	assert_true(graft_diff_is_identical(truth.diff));
	truth_deinit(&truth);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_table_that_is_read_behind_another_start_has_changed),
		cmocka_unit_test(
			the_start_and_the_end_of_a_table_are_of_one_copy),
		cmocka_unit_test(an_end_whose_neighbour_moved_stays_an_end),
		cmocka_unit_test(
			accessors_of_one_shape_do_not_swap_their_objects),
		cmocka_unit_test(
			tables_of_pointers_keep_the_identity_of_functions),
		cmocka_unit_test(new_imports_and_new_functions_are_carried),
		cmocka_unit_test(
			switches_and_cold_parts_come_with_their_functions),
		cmocka_unit_test(floating_constants_and_texts_are_found_again),
		cmocka_unit_test(every_way_to_link_tells_the_truth),
		cmocka_unit_test(link_time_optimisation_tells_the_truth),
		cmocka_unit_test(a_program_at_a_fixed_address_is_refused),
		cmocka_unit_test(a_thread_local_variable_that_moved_is_refused),
		cmocka_unit_test(
			a_function_that_is_gone_but_may_be_remembered_is_refused),
		cmocka_unit_test(
			a_new_object_in_the_padding_is_not_the_end_of_its_neighbour),
		cmocka_unit_test(
			the_end_of_the_last_table_goes_with_what_stands_before),
		cmocka_unit_test(a_callback_does_not_become_its_new_neighbour),
		cmocka_unit_test(
			a_table_does_not_end_in_a_number_that_looks_like_text),
		cmocka_unit_test(
			a_function_that_names_another_variable_has_changed),
		cmocka_unit_test(
			the_end_of_an_array_does_not_follow_its_neighbour),
		cmocka_unit_test(a_constant_that_goes_along_says_what_it_was),
		cmocka_unit_test(indirect_functions_and_aliases_tell_the_truth),
		cmocka_unit_test(
			constructors_and_computed_gotos_tell_the_truth),
		cmocka_unit_test(equal_builds_are_identical),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
