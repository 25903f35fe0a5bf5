// SPDX-License-Identifier: Apache-2.0

// What the unwinder is told of code that stays: who reads the tables, and what an
// exception specification lets through.

#include "built.h"

#define CXX "c++ -O2 -fPIC -shared -std=c++14 -x c++"
#define C   "cc -O2 -fPIC -shared -x c"

/** A function of the same code that lets other types through. */
#define SPECIFIED(type)                                                        \
	"extern void outside();\n"                                             \
	"struct one { int x; }; struct two { int x; };\n"                      \
	"void known() { try { outside(); } catch (one) { } "                   \
	"catch (two) { } }\n"                                                  \
	"void guarded() throw(" type ") { outside(); }\n"

/** A function with a personality routine of a name. */
#define PERSONALITY(name)                                                      \
	"__asm__(\".data\\nslot: .quad " name "\\n"                            \
	".section .gcc_except_table,\\\"a\\\",@progbits\\n"                    \
	"table: .byte 0xff, 0xff, 1, 4, 0, 9, 0, 0\\n"                         \
	".text\\n.globl guarded\\n.type guarded,@function\\nguarded:\\n"       \
	".cfi_startproc\\n.cfi_personality 0x9b, slot\\n"                      \
	".cfi_lsda 0x1b, table\\nsub $8, %rsp\\ncall outside@PLT\\n"           \
	"add $8, %rsp\\nret\\n.cfi_endproc\\n.size guarded, . - guarded\\n\");"

static void
a_specification_that_lets_the_same_through_is_the_same(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(CXX, SPECIFIED("one"),
					 SPECIFIED("one"));

	(void)state;
	must_be_same(&built);
}

static void
a_specification_that_lets_another_type_through_is_named(void **state)
{
	static const char *const others[] = {
		SPECIFIED("two"),
		SPECIFIED("one, two"),
		SPECIFIED(""),
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		GRAFT_CLEANUP(built_deinit)
		struct built built = as_they_are(CXX, SPECIFIED("one"),
						 others[i]);
		must_differ(&built, "", "guarded");
	}
}

static void
the_same_personality_is_the_same(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(C, PERSONALITY("one"),
					 PERSONALITY("one"));

	(void)state;
	must_be_same(&built);
}

static void
another_personality_of_code_that_stays_is_named(void **state)
{
	GRAFT_CLEANUP(built_deinit)
	struct built built = as_they_are(C, PERSONALITY("one"),
					 PERSONALITY("two"));

	(void)state;
	must_differ(&built, "two", "guarded");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_specification_that_lets_the_same_through_is_the_same),
		cmocka_unit_test(
			a_specification_that_lets_another_type_through_is_named),
		cmocka_unit_test(the_same_personality_is_the_same),
		cmocka_unit_test(
			another_personality_of_code_that_stays_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
