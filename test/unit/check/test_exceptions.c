// SPDX-License-Identifier: Apache-2.0

// What is meant to differ is listed, and nothing more than what is said.

#include "built.h"

#define LIBRARY "cc -O2 -fPIC -shared -fcf-protection=none -x c"

/** A function whose text is @p text and a changed one. */
#define SOURCE(text, line, more)                                               \
	"#include <stdio.h>\n#include <assert.h>\n"                            \
	"extern void report(const char *, int);\n"                             \
	"const char *version(void) { return \"" text "\"; }\n"                 \
	"int checked(int x) { if (x < 0) report(\"x\", " line "); "            \
	"return x * 3; }\n"                                                    \
	"int answer(int x) { printf(\"%d\", x); return x * 5 + " more "; }\n"

/** Check with versions of packages. */
static struct graft_check_result
check_versions(const struct built *built, const char *old_version,
	       const char *new_version)
{
	const struct graft_check_options options = { old_version, new_version };
	struct graft_check_result result = { 0 };

	must(graft_check(built->old_image, built->new_image, &built->module,
			 &options, &result));
	return result;
}

/** Give a module one reason, in place of those that it has. */
static void
set_reason(struct built *built, const char *rule, bool note, const char *text)
{
	struct graft_reason *reason = calloc(1, sizeof(*reason));

	for (size_t i = 0; i < built->module.reason_count; i++)
		graft_reason_deinit(&built->module.reasons[i]);
	free(built->module.reasons);
	reason->rule = strdup(rule);
	reason->where = strdup("x");
	reason->text = strdup(text);
	reason->note = note;
	built->module.reasons = reason;
	built->module.reason_count = 1;
}

static void
a_text_that_names_the_version_is_listed(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(LIBRARY,
					 SOURCE("tool 1.2-3 ready", "10", "1"),
					 SOURCE("tool 1.2-4 ready", "10", "1"));
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result right = check_versions(&built, "1.2-3",
							 "1.2-4");
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result wrong = check_versions(&built, "1.2-3",
							 "1.2-5");

	(void)state;
	assert_true(right.same);
	assert_int_equal(right.exception_count, 1);
	assert_non_null(strstr(right.exceptions[0], "tool 1.2-3 ready"));
	assert_false(wrong.same);
	assert_non_null(strstr(wrong.difference, "instead of"));
	must_differ(&built, "tool 1.2-3 ready", "version");
}

static void
a_text_that_differs_in_more_than_the_version_is_named(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(LIBRARY,
					 SOURCE("tool 1.2-3 ready", "10", "1"),
					 SOURCE("tool 1.2-4 Ready", "10", "1"));
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result result = check_versions(&built, "1.2-3",
							  "1.2-4");

	(void)state;
	assert_false(result.same);
	assert_int_equal(result.exception_count, 0);
}

/** Write a note about a function, by its symbol. */
static void
note_about(struct built *built, const char *rule, const char *name, bool note)
{
	char text[200];

	snprintf(text, sizeof(text),
		 "it stays as it is (old 0x%llx, new 0x%llx)",
		 (unsigned long long)address_of(built->old_image, name),
		 (unsigned long long)address_of(built->new_image, name));
	set_reason(built, rule, note, text);
}

static void
a_line_that_is_said_to_stay_is_listed(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(LIBRARY, SOURCE("a text", "1000", "1"),
					 SOURCE("a text", "1007", "1"));

	(void)state;
	must_differ(&built, "the instructions differ", "checked");
	note_about(&built, "R-25", "checked", true);
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result result = check(&built);
	assert_true(result.same);
	assert_int_equal(result.exception_count, 1);
	assert_non_null(strstr(result.exceptions[0], "1000 instead of 1007"));
}

static void
a_line_of_another_function_is_named(void **state)
{
	static const char *const rules[] = { "R-25", "R-25", "R-21" };
	static const char *const names[] = { "answer", "checked", "checked" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		GRAFT_CLEANUP(built_deinit)
		struct built built = as_they_are(LIBRARY,
						 SOURCE("a text", "1000", "1"),
						 SOURCE("a text", "1007", "1"));
		// The second is a reason, no note; the third of another rule.
		note_about(&built, rules[i], names[i], i != 1);
		must_differ(&built, "the instructions differ", "checked");
	}
}

static void
only_a_constant_in_a_register_can_be_a_line(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(LIBRARY,
					 SOURCE("a text", "10", "1000"),
					 SOURCE("a text", "10", "1007"));

	(void)state;
	note_about(&built, "R-25", "answer", true);
	must_differ(&built, "the instructions differ", "answer");
}

/** A function that does something with a constant. */
#define DOES(code)                                                             \
	"extern void report(const char *, int);\n"                             \
	"int checked(int x, int *p) { " code " return x * 3; }\n"

static void
a_constant_that_is_not_only_passed_on_is_no_line(void **state)
{
	static const char *const pairs[][2] = {
		// Stored, computed with, compared, returned; too large.
		{ DOES("int n = 1000; __asm__(\"\" : \"+d\"(n)); *p = n;"),
		  DOES("int n = 1007; __asm__(\"\" : \"+d\"(n)); *p = n;") },
		{ DOES("int n = 1000; __asm__(\"\" : \"+d\"(n)); report(\"\", n + x);"),
		  DOES("int n = 1007; __asm__(\"\" : \"+d\"(n)); report(\"\", n + x);") },
		{ DOES("int n = 1000; __asm__(\"\" : \"+S\"(n)); if (x < n) report(\"\", n);"),
		  DOES("int n = 1007; __asm__(\"\" : \"+S\"(n)); if (x < n) report(\"\", n);") },
		{ DOES("if (x < 0) return 1000;"),
		  DOES("if (x < 0) return 1007;") },
		{ DOES("if (x < 0) report(\"\", 0x10001000);"),
		  DOES("if (x < 0) report(\"\", 0x10001007);") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		GRAFT_CLEANUP(built_deinit)
		struct built built = as_they_are(LIBRARY, pairs[i][0],
						 pairs[i][1]);
		note_about(&built, "R-25", "checked", true);
		must_differ(&built, "the instructions differ", "checked");
	}
}

static void
a_line_that_takes_a_way_to_its_call_is_listed(void **state)
{
	static const char *const pairs[][2] = {
		{ DOES("int n = 1000; __asm__(\"\" : \"+b\"(n)); if (x < 0) report(\"\", n); report(\"\", n);"),
		  DOES("int n = 1007; __asm__(\"\" : \"+b\"(n)); if (x < 0) report(\"\", n); report(\"\", n);") },
		{ DOES("while (x++ < 9) report(p ? \"a\" : \"b\", 1000);"),
		  DOES("while (x++ < 9) report(p ? \"a\" : \"b\", 1007);") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		GRAFT_CLEANUP(built_deinit)
		struct built built = as_they_are(LIBRARY, pairs[i][0],
						 pairs[i][1]);
		note_about(&built, "R-25", "checked", true);
		GRAFT_CLEANUP(graft_check_result_deinit)
		struct graft_check_result result = check(&built);
		if (!result.same)
			print_message("# %s\n", result.difference);
		assert_true(result.same);
		assert_int_equal(result.exception_count, 1);
	}
}

static void
a_text_of_main_that_is_said_to_stay_is_listed(void **state)
{
	static const char *const sources[] = {
		"#include <stdio.h>\nint main(void) { puts(\"made on Monday\"); return 0; }\n",
		"#include <stdio.h>\nint main(void) { puts(\"made on Sunday\"); return 0; }\n",
	};
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are("cc -O2 -fPIE -pie -x c", sources[0],
					 sources[1]);

	(void)state;
	must_differ(&built, "made on Monday", "entry point");
	note_about(&built, "R-21", "main", true);
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result result = check(&built);
	assert_true(result.same);
	assert_int_equal(result.exception_count, 1);
	assert_non_null(strstr(result.exceptions[0], "made on Monday"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_that_names_the_version_is_listed),
		cmocka_unit_test(
			a_text_that_differs_in_more_than_the_version_is_named),
		cmocka_unit_test(a_line_that_is_said_to_stay_is_listed),
		cmocka_unit_test(a_line_of_another_function_is_named),
		cmocka_unit_test(only_a_constant_in_a_register_can_be_a_line),
		cmocka_unit_test(
			a_constant_that_is_not_only_passed_on_is_no_line),
		cmocka_unit_test(a_line_that_takes_a_way_to_its_call_is_listed),
		cmocka_unit_test(a_text_of_main_that_is_said_to_stay_is_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
