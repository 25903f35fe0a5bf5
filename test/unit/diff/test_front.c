// SPDX-License-Identifier: Apache-2.0

// Addresses in front of an array, inside of what the linker put there.

#include "truth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OBJECT(name, size)                                                     \
	".globl " name "\n.hidden " name "\n.type " name                       \
	", @object\n.size " name ", " size "\n" name ": .zero " size "\n"

#define OLD_DATA OBJECT("x", "8") OBJECT("z", "8") OBJECT("a", "48")
// What is new stands where `x` stood; `a` stays, for `z` has gone to its end.
#define NEW_DATA(size)                                                         \
	OBJECT("x", "8")                                                       \
	OBJECT("fresh", size) OBJECT("a", "48") OBJECT("z", "8")

static void
write_file(const char *data, const char *body, char *ret, size_t size)
{
	int len = snprintf(ret, size,
			   ".data\n.balign 16\n%s.text\n" FUNC("f") "%s" END(
				   "f") FUNC("g") "addq $1, a(%%rip)\n"
						  "addq $3, x(%%rip)\n"
						  "addq $5, z(%%rip)\nret\n"
						  "nop\nnop\nnop\n" END("g"),
			   data, body);
	assert_in_range(len, 1, size - 1);
}

/** Is the address that NEW's `f` takes said to be, perhaps, in front of
 * something else? */
static bool
is_doubted(const char *old_data, const char *old_body, const char *new_data,
	   const char *new_body)
{
	char old_text[2048];
	char new_text[2048];
	const char *old_files[] = { old_text, NULL };
	const char *new_files[] = { new_text, NULL };
	struct truth_recipe recipe = { .cc = "gcc",
				       .cflags = "",
				       .ldflags = "-shared",
				       .old_files = old_files,
				       .new_files = new_files,
				       .assembly = true,
				       .keep_symbols = true };
	struct truth truth;
	bool doubted = false;

	write_file(old_data, old_body, old_text, sizeof(old_text));
	write_file(new_data, new_body, new_text, sizeof(new_text));
	if (!truth_make(&recipe, &truth))
		fail_msg("not built");
	assert_true(truth_is_carried(&truth, "f"));
	for (size_t i = 0; i < truth.diff->finding_count; i++)
		doubted |= strstr(truth.diff->findings[i].text,
				  "in front of which") != NULL;
	truth_deinit(&truth);
	return doubted;
}

#define TAKE(what) "lea " what "(%rip), %rdx\n"
#define WALK       "lea (%rdx,%rcx,8), %rsi\n"
#define REST       "mov $7, %eax\nret\nnop\nnop\nnop\n"
#define OLD_REST   "mov $8, %eax\nret\nnop\nnop\nnop\n"

static void
steps_longer_than_the_object_are_not_its_own(void **state)
{
	(void)state;
	assert_true(is_doubted(OLD_DATA, OLD_REST, NEW_DATA("4"),
			       TAKE("fresh") "lea (%rdx,%rcx,8), %rsi\n" REST));
	assert_true(is_doubted(OLD_DATA, OLD_REST, NEW_DATA("4"),
			       TAKE("fresh") "mov (%rdx,%rcx), %rsi\n" REST));
	assert_false(is_doubted(OLD_DATA, OLD_REST, NEW_DATA("4"),
				TAKE("fresh") "mov (%rdx,%rcx), %sil\n" REST));
	assert_false(
		is_doubted(OLD_DATA, OLD_REST, NEW_DATA("16"),
			   TAKE("fresh") "mov (%rdx,%rcx,8), %rsi\n" REST));
}

static void
what_is_read_behind_the_object_is_not_its_own(void **state)
{
	(void)state;
	assert_true(is_doubted(OLD_DATA, OLD_REST, NEW_DATA("8"),
			       TAKE("fresh") "mov 8(%rdx), %rsi\n" REST));
	assert_false(is_doubted(OLD_DATA, OLD_REST, NEW_DATA("8"),
				TAKE("fresh") "mov (%rdx), %rsi\n" REST));
}

static void
what_old_took_as_far_in_front_of_another_is_not_its_own(void **state)
{
	(void)state;
	// `a-8` is `z` in OLD and the new array in NEW.
	assert_true(is_doubted(OLD_DATA, TAKE("a-8") WALK OLD_REST,
			       NEW_DATA("8"), "nop\n" TAKE("a-8") WALK REST));
	// It still takes `z`, where that stands now.
	assert_false(is_doubted(OLD_DATA, TAKE("z") WALK OLD_REST,
				NEW_DATA("8"),
				TAKE("z") WALK TAKE("fresh") WALK REST));
}

static void
an_index_into_the_middle_may_be_that_of_the_next_object(void **state)
{
	static const char old_data[] = OBJECT("x", "16") OBJECT("a", "48")
		OBJECT("z", "8");
	static const char body[] = TAKE("x+8") "mov (%rdx,%rcx,8), %rsi\n" REST;
	static const char with_w[] = OBJECT("x", "16") OBJECT("a", "48")
		OBJECT("z", "8") OBJECT("w", "8");

	(void)state;
	assert_true(is_doubted(old_data, OLD_REST,
			       OBJECT("x", "16") ".balign 64\n" OBJECT(
				       "a", "48") OBJECT("z", "8"),
			       body));
	assert_false(is_doubted(old_data, OLD_REST, with_w, body));
}

static void
what_moved_as_far_as_all_around_it_is_the_same_place(void **state)
{
	static const char body[] = TAKE("x") "mov 8(%rdx), %rsi\n" REST;

	(void)state;
	// Whether it is `x` or in front of `z` or `a`: each has OLD's place.
	assert_false(is_doubted(OLD_DATA, OLD_REST, OLD_DATA, body));
	assert_true(is_doubted(OLD_DATA, OLD_REST,
			       OBJECT("x", "8") ".balign 16\n" OBJECT("z", "8")
				       OBJECT("a", "48"),
			       body));
	assert_true(is_doubted(OLD_DATA, OLD_REST,
			       OBJECT("x", "8") OBJECT("z", "8")
				       OBJECT("fresh", "8") OBJECT("a", "48"),
			       body));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_longer_than_the_object_are_not_its_own),
		cmocka_unit_test(what_is_read_behind_the_object_is_not_its_own),
		cmocka_unit_test(
			what_old_took_as_far_in_front_of_another_is_not_its_own),
		cmocka_unit_test(
			an_index_into_the_middle_may_be_that_of_the_next_object),
		cmocka_unit_test(
			what_moved_as_far_as_all_around_it_is_the_same_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
