// SPDX-License-Identifier: Apache-2.0

#include "typed.h"

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

/** An array, and behind it one of two others: which one, changes. */
#define BEHIND(first, second, use)                                             \
	PRELUDE "#include <pthread.h>\n"                                       \
		"#define H __attribute__((visibility(\"hidden\")))\n"          \
		"H long array[40] = { 1, 2, 3, 4 };\n"                         \
		"H " first ";\nH " second ";\nH long last[8] = { 7 };\n"       \
		"KEEP long set(long i) { return array[i & 3]++; }\n"           \
		"KEEP int say(char *s) { return puts(s); }\n"                  \
		"KEEP long get_one(long i) { return one[i & 3]++ * 3; }\n"     \
		"KEEP long get_two(long i) { return two[i & 3]++ * 7; }\n"     \
		"KEEP long f(long x) { " use " }\n"
#define ONE      "long one[5] = { 5 }"
#define TWO      "long two[5] = { 6 }"
#define IN_ORDER "gcc -g -O2 -fno-toplevel-reorder -fPIC -shared -x c"

#define BACKWARDS(k)                                                           \
	"long *p = array + 40; do { p--; x = x * " k " + *p;"                  \
	" asm volatile(\"\" ::: \"memory\"); *p = x; } while (p != array);"    \
	" return x;"

static void
a_walk_back_from_the_end_does_not_start_in_what_follows(void **state)
{
	(void)state;
	must_refuse(IN_ORDER, BEHIND(ONE, TWO, BACKWARDS("3")),
		    BEHIND(TWO, ONE, BACKWARDS("5")), "R-01");
}

#define LOCKED                                                                 \
	"pthread_mutex_t *m = (void *)two; pthread_mutex_lock(m);"             \
	" x = x * 5; pthread_mutex_unlock(m); return x;"

static void
a_lock_behind_an_array_is_no_end_of_it(void **state)
{
	(void)state;
	must_accept(IN_ORDER, BEHIND(ONE, TWO, "return x * 3;"),
		    BEHIND(TWO, ONE, LOCKED));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_function_without_room_for_the_jump_is_refused),
		cmocka_unit_test(one_old_function_for_two_is_refused),
		cmocka_unit_test(code_with_absolute_addresses_is_refused),
		cmocka_unit_test(
			a_walk_back_from_the_end_does_not_start_in_what_follows),
		cmocka_unit_test(a_lock_behind_an_array_is_no_end_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
