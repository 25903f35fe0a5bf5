// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define CODE                                                                   \
	"KEEP int get(void) { return limit + *name; }\n"                       \
	"KEEP void put(int v) { limit = v; name++; }\n"

static void
another_initial_value_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED,
		    PRELUDE
		    "static int limit = 5; static char *name = \"x\";\n" CODE,
		    PRELUDE
		    "static int limit = 6; static char *name = \"x\";\n" CODE,
		    "R-04");
}

static void
a_value_that_began_as_something_and_begins_as_zero_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY,
		    PRELUDE
		    "static int limit = 5; static char *name = \"x\";\n" CODE,
		    PRELUDE
		    "static int limit; static char *name = \"x\";\n" CODE,
		    "R-04");
}

static void
a_pointer_to_other_text_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		PRELUDE
		"static int limit = 5; static char *name = \"left\";\n" CODE,
		PRELUDE
		"static int limit = 5; static char *name = \"right\";\n" CODE,
		"R-04");
}

static void
a_pointer_to_another_function_is_refused(void **state)
{
	static const char start[] = PRELUDE
		"KEEP static int a(int x) { return x + 1001; }\n"
		"KEEP static int b(int x) { return x * 7; }\n";
	static const char end[] =
		"int call(int x) { return hook(x) + b(x) + a(x); }\n"
		"void set(int (*f)(int)) { hook = f; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), "%sstatic int (*hook)(int) = a;\n%s", start,
		 end);
	snprintf(n, sizeof(n), "%sstatic int (*hook)(int) = b;\n%s", start,
		 end);
	must_refuse(LIBRARY, o, n, "R-04");
}

static void
the_same_values_elsewhere_are_accepted(void **state)
{
	(void)state;
	// Other text in .rodata moves what the pointer leads to.
	must_accept(
		STRIPPED,
		PRELUDE
		"static int limit = 5; static char *name = \"here\";\n" CODE
		"const char *say(int i) { return i ? \"one\" : \"two\"; }\n",
		PRELUDE
		"static int limit = 5; static char *name = \"here\";\n" CODE
		"const char *say(int i) { return i > 2 ? \"three and more\" : \"two\"; }\n");
}

/** A pointer to text, which is printed. */
#define SHOW                                                                   \
	"int puts(const char *);\n"                                            \
	"KEEP int get(void) { return limit + puts(name); }\n"                  \
	"KEEP void put(int v, char *p) { limit = v; name = p; }\n"

static void
a_version_in_text_is_noted(void **state)
{
	(void)state;
	must_note(
		LIBRARY,
		PRELUDE
		"static int limit = 5; static char *name = \"tool 1.2-1+deb12u1\";\n" SHOW
		"int more(int i) { return i + 1001; }\n",
		PRELUDE
		"static int limit = 5; static char *name = \"tool 1.2-1+deb12u2\";\n" SHOW
		"int more(int i) { return i + 1002; }\n",
		"R-04");
}

/** Judge a text that went from "8.2.32" to "8.2.36" in packages. */
static enum graft_verdict
judge_version(const char *old_version, const char *new_version)
{
	const struct graft_diff_options options = {
		.old_version = old_version, .new_version = new_version
	};
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_with(
		&options, STRIPPED, STRIPPED,
		PRELUDE
		"static int limit = 5; static char *name = \"8.2.32\";\n" SHOW
		"int more(int i) { return i + 1001; }\n",
		PRELUDE
		"static int limit = 5; static char *name = \"8.2.36\";\n" SHOW
		"int more(int i) { return i + 1002; }\n");

	return result.verdict;
}

static void
the_version_of_the_source_is_known_by_the_package(void **state)
{
	(void)state;
	assert_int_equal(judge_version("8.2.32-1~deb12u1", "8.2.36-1~deb12u1"),
			 GRAFT_VERDICT_HOTPATCH);
	assert_int_equal(judge_version("8.2.32-1~deb12u1", "8.2.37-1~deb12u1"),
			 GRAFT_VERDICT_BASELINE);
	assert_int_equal(judge_version(NULL, NULL), GRAFT_VERDICT_BASELINE);
}

/** A version in writable data, and what a function that stays does with it. */
#define VERSION(text, does, extra)                                             \
	PRELUDE "int puts(const char *); int printf(const char *, ...);\n"     \
		"char version[] = \"" text "\"; const char *kept;\n"           \
		"KEEP int use(const char *p) { " does " }\n"                   \
		"KEEP int f(int a) { " extra                                   \
		"return a * 3 + (a << 7) / 11; }\n"

/** The version is only noted, or it refuses. */
#define EACH_VERSION(check, does)                                              \
	do {                                                                   \
		check(LIBRARY, VERSION("1.2-1+deb12u3", does, ""),             \
		      VERSION("1.2-1+deb12u4", does, "if (a < 0) return 0; "), \
		      "R-04");                                                 \
		check("cc -O0 -fPIC -shared -x c",                             \
		      VERSION("1.2-1+deb12u3", does, ""),                      \
		      VERSION("1.2-1+deb12u4", does, "if (a < 0) return 0; "), \
		      "R-04");                                                 \
	} while (0)

static void
a_version_that_is_shown_is_noted(void **state)
{
	(void)state;
	EACH_VERSION(must_note, "return puts(version) + printf(p, version);");
}

static void
a_version_that_is_copied_or_kept_is_noted(void **state)
{
	(void)state;
	EACH_VERSION(must_note, "kept = version; return strdup(version) != 0;");
}

static void
a_version_that_is_compared_is_refused(void **state)
{
	(void)state;
	EACH_VERSION(must_refuse, "return strcmp(p, version);");
}

static void
a_version_that_is_made_a_number_is_refused(void **state)
{
	(void)state;
	EACH_VERSION(must_refuse, "return p ? atoi(version + 2) : 0;");
}

static void
a_version_of_which_code_reads_a_byte_is_refused(void **state)
{
	(void)state;
	EACH_VERSION(must_refuse, "return p[3] == version[12];");
}

/** Judge a version that code compares: code that is carried, or that stays. */
static enum graft_verdict
judge_compared(const char *old_version, const char *new_version, bool carried)
{
	const struct graft_diff_options options = {
		.old_version = old_version, .new_version = new_version
	};
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_with(
		&options, LIBRARY, LIBRARY,
		VERSION("1.2-1+deb12u3", "return strcmp(p, version);", ""),
		carried ? VERSION("1.2-1+deb12u4",
				  "if (!p) return 9; return strcmp(p, version);",
				  "")
			: VERSION("1.2-1+deb12u4", "return strcmp(p, version);",
				  "if (a < 0) return 0; "));
	return result.verdict;
}

static void
the_version_of_the_package_may_be_compared_by_what_stays(void **state)
{
	(void)state;
	assert_int_equal(
		judge_compared("1.2-1+deb12u3", "1.2-1+deb12u4", false),
		GRAFT_VERDICT_HOTPATCH);
	assert_int_equal(judge_compared("1.2-1+deb12u3", "1.2-1+deb12u4", true),
			 GRAFT_VERDICT_BASELINE);
	assert_int_equal(
		judge_compared("1.2-1+deb12u3", "1.2-1+deb12u5", false),
		GRAFT_VERDICT_BASELINE);
	assert_int_equal(judge_compared(NULL, NULL, false),
			 GRAFT_VERDICT_BASELINE);
}

/** The version is handed to another function of the module. */
#define TAKEN_APART "return part(version, *p);"

static void
a_version_that_another_function_takes_apart_is_refused(void **state)
{
	(void)state;
#define PART                                                                   \
	"__attribute__((noinline, noclone, noipa)) int part(const char *s, "   \
	"int i) { return s[i]; }\n"
	must_refuse(LIBRARY, PART VERSION("1.2-1+deb12u3", TAKEN_APART, ""),
		    PART VERSION("1.2-1+deb12u4", TAKEN_APART,
				 "if (a < 0) return 0; "),
		    "R-04");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_initial_value_is_refused),
		cmocka_unit_test(
			a_value_that_began_as_something_and_begins_as_zero_is_refused),
		cmocka_unit_test(a_pointer_to_other_text_is_refused),
		cmocka_unit_test(a_pointer_to_another_function_is_refused),
		cmocka_unit_test(the_same_values_elsewhere_are_accepted),
		cmocka_unit_test(a_version_in_text_is_noted),
		cmocka_unit_test(
			the_version_of_the_source_is_known_by_the_package),
		cmocka_unit_test(a_version_that_is_shown_is_noted),
		cmocka_unit_test(a_version_that_is_copied_or_kept_is_noted),
		cmocka_unit_test(a_version_that_is_compared_is_refused),
		cmocka_unit_test(
			the_version_of_the_package_may_be_compared_by_what_stays),
		cmocka_unit_test(a_version_that_is_made_a_number_is_refused),
		cmocka_unit_test(
			a_version_of_which_code_reads_a_byte_is_refused),
		cmocka_unit_test(
			a_version_that_another_function_takes_apart_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
