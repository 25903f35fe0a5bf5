// SPDX-License-Identifier: Apache-2.0

// What counts as no difference: texts that name the release, what stands behind a
// text or a crash that nobody reaches.

#include "built.h"

#define LIBRARY "cc -O2 -fPIC -shared -fcf-protection=none -x c"

#define BANNER(version, rest)                                                  \
	"struct banner { char name[8]; char text[40]; int magic; };\n"         \
	"struct banner banner = { \"server\", \"" version "\", " rest " };\n"  \
	"char get(int i) { return banner.text[i]; }\n"

static struct graft_check_result
check_banners(const char *old_source, const char *new_source)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(LIBRARY, old_source, new_source);

	return check(&built);
}

static void
text_of_an_object_that_names_the_release_is_an_exception(void **state)
{
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result result =
		check_banners(BANNER("1.2-1+deb12u3, of 2025/10/03", "7"),
			      BANNER("1.2-1+deb12u4, of 2026/10/17", "7"));

	(void)state;
	assert_true(result.same);
	assert_int_equal(result.exception_count, 1);
	assert_non_null(strstr(result.exceptions[0], "1.2-1+deb12u3"));
}

static void
what_stands_behind_such_text_still_counts(void **state)
{
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result result = check_banners(
		BANNER("1.2-1+deb12u3", "7"), BANNER("1.2-1+deb12u4", "8"));
	GRAFT_CLEANUP(graft_check_result_deinit)
	struct graft_check_result limit = check_banners(BANNER("limit 3", "7"),
							BANNER("limit 4", "7"));

	(void)state;
	assert_false(result.same);
	assert_non_null(strstr(result.difference, "byte 48"));
	assert_false(limit.same);
}

/** A function that ends itself, with the next one's code right behind it. */
#define CRASH(store, next)                                                     \
	"asm(\".globl f\\n.type f,@function\\nf: .cfi_startproc\\n\"\n"        \
	"\"test %edi, %edi\\n je 1f\\n mov %edi, %eax\\n ret\\n\"\n"           \
	"\"1: " store "\\n\"\n"                                                \
	"\".cfi_endproc\\n.size f,.-f\\n\"\n"                                  \
	"\"g: .cfi_startproc\\n mov $" next ", %eax\\n ret\\n\"\n"             \
	"\".cfi_endproc\\n.size g,.-g\\n\");\n"

static void
a_store_into_the_first_page_ends_a_way(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built ends = as_they_are(LIBRARY, CRASH("movb $0, 1", "1"),
					CRASH("movb $0, 1", "2"));
	GRAFT_CLEANUP(built_deinit)
	struct built goes_on = as_they_are(LIBRARY,
					   CRASH("movb $0, 0x10000", "1"),
					   CRASH("movb $0, 0x10000", "2"));
	GRAFT_CLEANUP(built_deinit)
	struct built reads = as_they_are(LIBRARY, CRASH("mov 1, %cl", "1"),
					 CRASH("mov 1, %cl", "2"));
	GRAFT_CLEANUP(built_deinit)
	struct built of_thread = as_they_are(LIBRARY,
					     CRASH("movb $0, %fs:8", "1"),
					     CRASH("movb $0, %fs:8", "2"));

	(void)state;
	must_be_same(&ends);
	must_differ(&goes_on, "the instructions differ", "f");
	must_differ(&reads, "the instructions differ", "f");
	must_differ(&of_thread, "the instructions differ", "f");
}

/** A text, and something behind it that nothing names. */
#define POOL_OF(text, front, byte)                                             \
	"asm(\".section .rodata\\n" front "\"\n"                               \
	"\".globl name\\nname: .asciz \\\"" text "\\\"\\n\"\n"                 \
	"\".byte 0, 0, " byte "\\n.text\\n\");\n"                              \
	"extern __attribute__((visibility(\"hidden\"))) const char name[];\n"  \
	"const char *f(void) { return name; }\n"

#define POOL(front, byte) POOL_OF("www-authenticate", front, byte)

static void
a_text_among_texts_ends_with_itself(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built among = as_they_are(LIBRARY,
					 POOL(".asciz \\\"via\\\"\\n", "5"),
					 POOL(".asciz \\\"via\\\"\\n", "6"));
	GRAFT_CLEANUP(built_deinit)
	struct built alone = as_they_are(LIBRARY, POOL(".byte 1, 2\\n", "5"),
					 POOL(".byte 1, 2\\n", "6"));

	(void)state;
	must_be_same(&among);
	must_differ(&alone, "www-authenticate", "f");
}

/** Three letters and a zero may as well be a number, of more than four bytes. */
static void
a_short_text_among_texts_does_not_end_with_itself(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built four = as_they_are(
		LIBRARY, POOL_OF("host", ".asciz \\\"via\\\"\\n", "5"),
		POOL_OF("host", ".asciz \\\"via\\\"\\n", "6"));
	GRAFT_CLEANUP(built_deinit)
	struct built three = as_they_are(
		LIBRARY, POOL_OF("age", ".asciz \\\"via\\\"\\n", "5"),
		POOL_OF("age", ".asciz \\\"via\\\"\\n", "6"));

	(void)state;
	must_be_same(&four);
	must_differ(&three, "age", "f");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			text_of_an_object_that_names_the_release_is_an_exception),
		cmocka_unit_test(what_stands_behind_such_text_still_counts),
		cmocka_unit_test(a_store_into_the_first_page_ends_a_way),
		cmocka_unit_test(a_text_among_texts_ends_with_itself),
		cmocka_unit_test(
			a_short_text_among_texts_does_not_end_with_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
