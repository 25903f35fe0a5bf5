// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

// Code as compilers write it, and not as they happen to: which way adds in place
// and which by a register is theirs.
#define OUT                                                                    \
	"int work(int);\n"                                                     \
	"int depth = 5;\n"                                                     \
	"int seen(void) { return depth; }\n"
#define UP                                                                     \
	"__asm__ volatile(\"addl $1, depth(%%rip)\" ::: \"memory\", \"cc\");\n"
#define DOWN                                                                   \
	"__asm__ volatile(\"addl $-1, depth(%%rip)\" ::: \"memory\", \"cc\");\n"
/** Takes one off by way of a register. */
#define DOWN_OTHERWISE                                                         \
	"__asm__ volatile(\"movl depth(%%rip), %%eax\\n"                       \
	"leal -1(%%rax), %%ecx\\n"                                             \
	"movl %%ecx, depth(%%rip)\" ::: \"memory\", \"cc\", \"eax\", \"ecx\");\n"
/** Adds one by way of a register. */
#define UP_OTHERWISE                                                           \
	"__asm__ volatile(\"movl depth(%%rip), %%eax\\n"                       \
	"leal 1(%%rax), %%ecx\\n"                                              \
	"movl %%ecx, depth(%%rip)\" ::: \"memory\", \"cc\", \"eax\", \"ecx\");\n"
#define HIDDEN "cc -O2 -fPIC -shared -fvisibility=hidden -x c"
#define SHOW   "__attribute__((visibility(\"default\"))) "

static void
a_count_that_is_taken_back_in_both_builds_is_accepted(void **state)
{
	(void)state;
	must_accept(
		HIDDEN,
		OUT SHOW "int f(int x) { x *= 3; " UP
			 " x = work(x); " DOWN_OTHERWISE " return x; }\n" SHOW
			 "int g(void) { return seen(); }\n",
		OUT SHOW
		"int f(int x) { x *= 3; if (x > 5000) return -1; " UP_OTHERWISE
		" x = work(x); " DOWN " return x; }\n" SHOW
		"int g(void) { return seen(); }\n");
}

static void
a_count_in_the_other_sense_is_refused(void **state)
{
	// Taken back, too; but what is called in between finds one less, not more.
	(void)state;
	must_refuse(HIDDEN,
		    OUT SHOW
		    "int f(int x) { x *= 3; " UP " x = work(x); " DOWN_OTHERWISE
		    " return x; }\n" SHOW "int g(void) { return seen(); }\n",
		    OUT SHOW "int f(int x) { " DOWN
			     " x = work(x); " UP_OTHERWISE " return x; }\n" SHOW
			     "int g(void) { return seen(); }\n",
		    "R-24");
}

static void
a_count_that_one_way_keeps_is_refused(void **state)
{
	(void)state;
	must_refuse(HIDDEN,
		    OUT SHOW
		    "int f(int x) { x *= 3; " UP " x = work(x); " DOWN_OTHERWISE
		    " return x; }\n" SHOW "int g(void) { return seen(); }\n",
		    OUT SHOW "int f(int x) { x *= 3; if (x < 3) { " UP_OTHERWISE
			     " return work(x); } " DOWN
			     " x = work(x); " UP_OTHERWISE " return x; }\n" SHOW
			     "int g(void) { return seen(); }\n",
		    "R-24");
}

static void
a_count_that_stays_is_refused_in_the_other_sense(void **state)
{
	(void)state;
	must_refuse(HIDDEN,
		    OUT SHOW "int f(int x) { " UP " return work(x); }\n" SHOW
			     "int g(void) { return seen(); }\n",
		    OUT SHOW "int f(int x) { " DOWN " return work(x); }\n" SHOW
			     "int g(void) { return seen(); }\n",
		    "R-24");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_count_that_is_taken_back_in_both_builds_is_accepted),
		cmocka_unit_test(a_count_in_the_other_sense_is_refused),
		cmocka_unit_test(a_count_that_one_way_keeps_is_refused),
		cmocka_unit_test(
			a_count_that_stays_is_refused_in_the_other_sense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
