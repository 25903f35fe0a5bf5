// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define DEBUG  "cc -O2 -g -fPIC -shared -x c"
#define CLANG  "clang -O2 -fPIC -shared -s -x c"
#define HIDE   "#define HIDDEN KEEP __attribute__((visibility(\"hidden\")))\n"
#define FIRST  "#line 100 \"a.c\"\n"
#define SECOND "#line 317 \"a.c\"\n"

/** The function that differs is not carried, and a note says so. */
static void
must_be_left(const char *command, const char *old_source,
	     const char *new_source)
{
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(command, old_source,
							new_source);

	print_reasons(&result);
	assert_int_equal(result.verdict, GRAFT_VERDICT_IDENTICAL);
	assert_non_null(find_reason(&result, "R-25", true));
}

/** The function that differs is carried. */
static void
must_be_carried(const char *command, const char *old_source,
		const char *new_source)
{
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(command, old_source,
							new_source);

	print_reasons(&result);
	assert_int_not_equal(result.verdict, GRAFT_VERDICT_IDENTICAL);
	assert_null(find_reason(&result, "R-25", true));
}

static void
a_line_of_an_assertion_is_left(void **state)
{
	static const char body[] =
		"int f(int *p, int n) { assert(p); assert(n > 3); return p[n]; }\n";
	char o[512];
	char n[512];

	(void)state;
	snprintf(o, sizeof(o), "#include <assert.h>\n" FIRST "%s", body);
	snprintf(n, sizeof(n), "#include <assert.h>\n" SECOND "%s", body);
	must_be_left(LIBRARY, o, n);
	must_be_left(STRIPPED, o, n);
	must_be_left(CLANG, o, n);
	must_be_left("cc -O0 -fPIC -shared -x c", o, n);
	must_be_left("cc -Os -fPIC -shared -s -x c", o, n);
	must_be_left("cc -O2 -fno-plt -fPIC -shared -x c", o, n);
}

static void
a_constant_that_changes_like_a_line_is_carried(void **state)
{
	(void)state;
	must_be_carried(
		STRIPPED,
		"void lg(char *, int);\nvoid f(char *s) { lg(s, 200); }\n",
		"void lg(char *, int);\nvoid f(char *s) { lg(s, 210); }\n");
	must_be_carried(
		LIBRARY,
		PRELUDE
		"volatile int k; KEEP void check(char *s, int n) { k = n; }\nvoid f(char *s) { check(s, 200); }\n",
		PRELUDE
		"volatile int k; KEEP void check(char *s, int n) { k = n; }\nvoid f(char *s) { check(s, 210); }\n");
}

static void
another_argument_of_an_assertion_is_no_line(void **state)
{
	(void)state;
	must_be_carried(
		LIBRARY,
		"void __assert_perror_fail(int, char *, unsigned, char *);\nvoid f(void) { __assert_perror_fail(5, \"f\", 9, \"g\"); }\n",
		"void __assert_perror_fail(int, char *, unsigned, char *);\nvoid f(void) { __assert_perror_fail(6, \"f\", 9, \"g\"); }\n");
}

static void
a_line_and_another_change_are_carried(void **state)
{
	(void)state;
	must_be_carried(
		STRIPPED,
		"#include <assert.h>\n" FIRST
		"int f(int *p, int n) { assert(p); return p[n] + 1000; }\n",
		"#include <assert.h>\n" SECOND
		"int f(int *p, int n) { assert(p); return p[n] + 2000; }\n");
}

static void
a_line_and_another_text_are_carried(void **state)
{
	(void)state;
	must_be_carried(
		STRIPPED,
		"#include <assert.h>\n" FIRST
		"char *f(char *p) { assert(p); return p ? \"a text\" : p; }\n",
		"#include <assert.h>\n" SECOND
		"char *f(char *p) { assert(p); return p ? \"b text\" : p; }\n");
}

static void
a_line_and_another_callee_are_carried(void **state)
{
	static const char head[] = PRELUDE HIDE
		"#include <assert.h>\n"
		"KEEP int one(int x) { return x * 3 + 1; }\n"
		"KEEP int two(int x) { return x * 5 + 7; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o),
		 "%s" FIRST "int f(int *p) { assert(p); return one(*p); }\n"
		 "int g(int x) { return two(x) + one(x); }\n",
		 head);
	snprintf(n, sizeof(n),
		 "%s" SECOND "int f(int *p) { assert(p); return two(*p); }\n"
		 "int g(int x) { return two(x) + one(x); }\n",
		 head);
	must_be_carried(STRIPPED, o, n);
}

static void
a_wrapper_that_hands_the_line_on_is_followed(void **state)
{
	static const char head[] = PRELUDE HIDE
		"#include <assert.h>\n#include <stdio.h>\n"
		"HIDDEN void fail(const char *e, int line) {\n"
		"  puts(e); __assert_fail(e, \"a.c\", line, \"f\"); }\n"
		"HIDDEN void check(const char *e, int line, int c) {\n"
		"  if (!c) fail(e, line); }\n"
		"#define CHECK(x) check(#x, __LINE__, !!(x))\n";
	static const char body[] =
		"int f(int *p, int n) { CHECK(p);\n CHECK(n); return p[n]; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), "%s" FIRST "%s", head, body);
	snprintf(n, sizeof(n), "%s" SECOND "%s", head, body);
	must_be_left(LIBRARY, o, n);
	must_be_left(STRIPPED, o, n);
	must_be_left(CLANG, o, n);
}

/** Compile a function that gives its line to a wrapper, at two lines. */
static void
must_carry_wrapper(const char *command, const char *wrapper)
{
	static const char head[] = PRELUDE HIDE
		"#include <assert.h>\n#include <stdio.h>\n"
		"#define CHECK(x) if (!(x)) fail(#x, __LINE__)\n";
	static const char body[] =
		"int f(int *p, int n) { CHECK(p);\n CHECK(n); return p[n]; }\n";
	char o[1024];
	char n[1024];

	snprintf(o, sizeof(o), "%s%s" FIRST "%s", head, wrapper, body);
	snprintf(n, sizeof(n), "%s%s" SECOND "%s", head, wrapper, body);
	must_be_carried(command, o, n);
}

static void
a_wrapper_that_does_more_with_the_line_is_not(void **state)
{
	static const char *const wrappers[] = {
		// Stores it.
		"int last; HIDDEN void fail(const char *e, int line) {\n"
		"  last = line; __assert_fail(e, \"a.c\", line, \"f\"); }\n",
		// Computes with it.
		"HIDDEN void fail(const char *e, int line) {\n"
		"  __assert_fail(e, \"a.c\", line + 1, \"f\"); }\n",
		// Decides by it.
		"HIDDEN void fail(const char *e, int line) {\n"
		"  if (line == 317) puts(e); __assert_fail(e, \"a.c\", line, \"f\"); }\n",
		// Prints it: who says that it is a line.
		"HIDDEN void fail(const char *e, int line) {\n"
		"  printf(\"%s %d\", e, line); __assert_fail(e, \"a.c\", line, \"f\"); }\n",
		// Hands it to another argument too.
		"HIDDEN void fail(const char *e, long line) {\n"
		"  __assert_fail(e, (char *)line, line, \"f\"); }\n",
		// Returns it.
		"HIDDEN int fail(const char *e, int line) {\n"
		"  if (e[0] == 'p') __assert_fail(e, \"a.c\", line, \"f\"); return line; }\n",
		// Hands it to somebody unknown.
		"void other(const char *, int); HIDDEN void fail(const char *e, int line) {\n"
		"  other(e, line); __assert_fail(e, \"a.c\", line, \"f\"); }\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++) {
		must_carry_wrapper(LIBRARY, wrappers[i]);
		must_carry_wrapper(CLANG, wrappers[i]);
	}
}

static void
debug_information_proves_a_line(void **state)
{
	static const char head[] = PRELUDE
		"void lg(char *, int);\n#define LG(s) lg(s, __LINE__)\n";
	static const char body[] = "int f(char *s, int n) {\nLG(s);\n"
				   "if (n) LG(s + 1);\nreturn n;\n}\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), "%s" FIRST "%s", head, body);
	snprintf(n, sizeof(n), "%s" SECOND "%s", head, body);
	must_be_left(DEBUG, o, n);
	must_be_left("clang -O2 -g -fPIC -shared -x c", o, n);
	// Without it nothing does.
	must_be_carried(LIBRARY, o, n);
}

static void
debug_information_refutes_a_line(void **state)
{
	(void)state;
	must_be_carried(
		DEBUG,
		"void lg(char *, int);\nvoid f(char *s) {\nlg(s, 200);\n}\n",
		"void lg(char *, int);\nvoid f(char *s) {\nlg(s, 210);\n}\n");
	// One side only.
	must_be_carried(
		DEBUG,
		"void lg(char *, int);\nvoid f(char *s) {\nlg(s, 3);\n}\n",
		"void lg(char *, int);\nvoid f(char *s) {\nlg(s, 210);\n}\n");
}

static void
a_line_that_is_stored_is_carried(void **state)
{
	(void)state;
	must_be_carried(
		DEBUG,
		"struct s { int at; };\n" FIRST
		"int f(struct s *s) {\ns->at = __LINE__;\nreturn 0; }\n",
		"struct s { int at; };\n" SECOND
		"int f(struct s *s) {\ns->at = __LINE__;\nreturn 0; }\n");
}

static void
the_error_queue_of_openssl_takes_lines(void **state)
{
	static const char head[] =
		"void ERR_new(void); void ERR_set_debug(const char *, int, const char *);\n"
		"void ERR_set_error(int, int, const char *, ...);\n"
		"#define RAISE(l, r) (ERR_new(), ERR_set_debug(\"a.c\", __LINE__, __func__), ERR_set_error(l, r, 0))\n";
	static const char body[] =
		"int f(int n) {\nif (n < 3) RAISE(20, 7);\nif (n > 9) RAISE(20, 8);\nreturn n;\n}\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), "%s" FIRST "%s", head, body);
	snprintf(n, sizeof(n), "%s" SECOND "%s", head, body);
	must_be_left(STRIPPED, o, n);
	must_be_left(CLANG, o, n);
}

static void
a_main_that_is_left_is_noted(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(
		PROGRAM,
		"#include <stdio.h>\nint main(void) { puts(\"one text\"); return 0; }\n",
		"#include <stdio.h>\nint main(void) { puts(\"two text\"); return 0; }\n");
	const struct graft_reason *reason = find_reason(&result, "R-21", true);

	assert_int_equal(result.verdict, GRAFT_VERDICT_IDENTICAL);
	assert_non_null(reason);
	assert_string_equal(reason->where, "main");
	assert_non_null(strstr(reason->text, "(old 0x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_of_an_assertion_is_left),
		cmocka_unit_test(
			a_constant_that_changes_like_a_line_is_carried),
		cmocka_unit_test(another_argument_of_an_assertion_is_no_line),
		cmocka_unit_test(a_line_and_another_change_are_carried),
		cmocka_unit_test(a_line_and_another_text_are_carried),
		cmocka_unit_test(a_line_and_another_callee_are_carried),
		cmocka_unit_test(a_wrapper_that_hands_the_line_on_is_followed),
		cmocka_unit_test(a_wrapper_that_does_more_with_the_line_is_not),
		cmocka_unit_test(debug_information_proves_a_line),
		cmocka_unit_test(debug_information_refutes_a_line),
		cmocka_unit_test(a_line_that_is_stored_is_carried),
		cmocka_unit_test(the_error_queue_of_openssl_takes_lines),
		cmocka_unit_test(a_main_that_is_left_is_noted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
