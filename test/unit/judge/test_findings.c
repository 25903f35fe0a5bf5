// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

static void
a_function_without_room_for_the_jump_is_refused(void **state)
{
	(void)state;
	// Aligned to one byte, `ret` and what follows leave no room.
	must_refuse(
		STRIPPED,
		"__asm__(\".globl a\\n.type a,@function\\na: .cfi_startproc\\nnop\\nret\\n.cfi_endproc\\n.size a,.-a\\n"
		".globl b\\n.type b,@function\\nb: .cfi_startproc\\nmov %edi,%eax\\nret\\n.cfi_endproc\\n.size b,.-b\");\n",
		"__asm__(\".globl a\\n.type a,@function\\na: .cfi_startproc\\nclc\\nret\\n.cfi_endproc\\n.size a,.-a\\n"
		".globl b\\n.type b,@function\\nb: .cfi_startproc\\nmov %edi,%eax\\nret\\n.cfi_endproc\\n.size b,.-b\");\n",
		"R-11");
}

static void
one_old_function_for_two_is_refused(void **state)
{
	static const char *const folded = PRELUDE
		"KEEP int a(int x) { return x * 3 + 1; }\n"
		"int b(int x) __attribute__((alias(\"a\")));\n";

	(void)state;
	must_refuse(LIBRARY, folded,
		    PRELUDE "KEEP int a(int x) { return x * 3 + 1; }\n"
			    "KEEP int b(int x) { return x * 7 + 2; }\n",
		    "R-18");
}

static void
code_with_absolute_addresses_is_refused(void **state)
{
	static const char *const command = "cc -O2 -no-pie -fno-pie -x c";

	(void)state;
	must_refuse(
		command,
		PRELUDE "int table[4]; int *p;\n"
			"KEEP int f(int x) { p = table; return x + 1001; }\n"
			"int main(int c, char **v) { return f(c); }\n",
		PRELUDE "int table[4]; int *p;\n"
			"KEEP int f(int x) { p = table; return x + 1002; }\n"
			"int main(int c, char **v) { return f(c); }\n",
		"R-01");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_function_without_room_for_the_jump_is_refused),
		cmocka_unit_test(one_old_function_for_two_is_refused),
		cmocka_unit_test(code_with_absolute_addresses_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
