// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

/**
 * A loop over an array, in assembly so that both sides are as they are written
 * here: @p base puts its address into %rbx, %rcx counts from @p first up to
 * @p last, @p use is done to each element.
 */
#define LOOP(base, first, last, use)                                           \
	"asm(\".text\\n.globl walk\\n.type walk, @function\\nwalk:\\n\"\n"     \
	"\".cfi_startproc\\npush %rbx\\n.cfi_adjust_cfa_offset 8\\n\"\n"       \
	"\"sub $0x90, %rsp\\n.cfi_adjust_cfa_offset 0x90\\n\"\n"               \
	"\"" base "\\nmov $" first ", %ecx\\n\"\n"                             \
	"\"1: mov %rcx, %rax\\n" use "\\nadd $1, %rcx\\n\"\n"                  \
	"\"cmp $" last ", %rcx\\njne 1b\\n\"\n"                                \
	"\"movzbl 0x20(%rsp), %eax\\nadd $0x90, %rsp\\n\"\n"                   \
	"\".cfi_adjust_cfa_offset -0x90\\npop %rbx\\n\"\n"                     \
	"\".cfi_adjust_cfa_offset -8\\nret\\n.cfi_endproc\\n.size walk, "      \
	".-walk\\n\");\n"

#define OWN_ARRAY "lea 0x10(%rsp), %rbx"

static void
an_array_of_the_frame_may_be_counted_from_another_index(void **state)
{
	(void)state;
	must_accept(STRIPPED,
		    LOOP(OWN_ARRAY, "1", "17", "mov %edi, -4(%rbx,%rcx,4)"),
		    LOOP(OWN_ARRAY, "0", "16", "mov %edi, (%rbx,%rcx,4)"));
	must_accept(STRIPPED,
		    LOOP(OWN_ARRAY, "2", "18", "mov %edi, -8(%rbx,%rcx,4)"),
		    LOOP(OWN_ARRAY, "4", "20", "mov %edi, -16(%rbx,%rcx,4)"));
}

static void
an_array_that_the_function_was_handed_may_have_moved(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		LOOP("mov %rsi, %rbx", "1", "17", "mov %edi, 4(%rbx,%rcx,4)"),
		LOOP("mov %rsi, %rbx", "0", "16", "mov %edi, 16(%rbx,%rcx,4)"),
		"R-02");
}

static void
members_of_structures_in_the_frame_are_no_array_of_numbers(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED, LOOP(OWN_ARRAY, "0", "16", "mov %di, 2(%rbx,%rcx,4)"),
		LOOP(OWN_ARRAY, "0", "16", "mov %di, 4(%rbx,%rcx,4)"), "R-02");
}

/** The distance from an array of the frame to what the function was handed. */
#define DISTANCE OWN_ARRAY "\\nsub %rbx, %rsi\\n"

static void
what_the_distance_to_another_array_leads_to_is_not_the_frame(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED, LOOP(DISTANCE, "1", "17", "movb $1, 4(%rbx,%rsi,1)"),
		LOOP(DISTANCE, "1", "17", "movb $1, 16(%rbx,%rsi,1)"), "R-02");
}

static void
a_distance_that_was_kept_in_the_frame_is_one_still(void **state)
{
#define KEPT DISTANCE "mov %rsi, 8(%rsp)\\nmov 8(%rsp), %rdx\\n"
	(void)state;
	must_refuse(STRIPPED, LOOP(KEPT, "1", "17", "movb $1, 4(%rbx,%rdx,1)"),
		    LOOP(KEPT, "1", "17", "movb $1, 16(%rbx,%rdx,1)"), "R-02");
}

static void
what_stands_in_front_of_an_array_of_the_frame_is_no_header(void **state)
{
#define SUMS(disp) "lea (%rbx,%rcx,4), %rsi\\nadd " disp "(%rsi), %eax"
	(void)state;
	must_accept(STRIPPED,
		    LOOP(OWN_ARRAY, "1", "17", "add -4(%rbx,%rcx,4), %eax"),
		    LOOP(OWN_ARRAY, "3", "19", SUMS("-12")));
	must_refuse(STRIPPED, LOOP("mov %rsi, %rbx", "1", "17", SUMS("-4")),
		    LOOP("mov %rsi, %rbx", "3", "19", SUMS("-12")), "R-03");
}

/** A walk of %rsi from @p base on by @p step, in the loop. */
#define WALK(base, use, step)                                                  \
	LOOP(base, "0", "16", use "\\nadd $" step ", %rsi")

static void
an_array_of_the_frame_may_stand_elsewhere_when_it_is_walked_over(void **state)
{
	(void)state;
	must_accept(STRIPPED,
		    WALK("lea 0x10(%rsp), %rsi", "add (%rsi), %eax", "4"),
		    WALK("lea 8(%rsp), %rsi", "add 8(%rsi), %eax", "4"));
	must_accept(STRIPPED,
		    WALK("lea (%rsp,%rdi,4), %rsi\\nadd $0x10, %rsi",
			 "add (%rsi), %eax", "4"),
		    WALK("lea (%rsp,%rdi,4), %rsi\\nadd $0x20, %rsi",
			 "add (%rsi), %eax", "4"));
	must_refuse(STRIPPED, WALK("add $0x10, %rsi", "add (%rsi), %eax", "4"),
		    WALK("add $0x20, %rsi", "add (%rsi), %eax", "4"), "R-02");
	// It is handed an array, or walks over structures, or by several steps.
	must_refuse(STRIPPED, WALK("nop", "add 4(%rsi), %eax", "4"),
		    WALK("nop", "add 12(%rsi), %eax", "4"), "R-02");
	must_refuse(
		STRIPPED, WALK("lea 8(%rsp), %rsi", "add 4(%rsi), %eax", "8"),
		WALK("lea 8(%rsp), %rsi", "add 8(%rsi), %eax", "8"), "R-02");
	must_refuse(STRIPPED,
		    WALK("lea 8(%rsp), %rsi",
			 "add 4(%rsi), %eax\\nadd $4, %rsi", "4"),
		    WALK("lea 8(%rsp), %rsi",
			 "add 12(%rsi), %eax\\nadd $4, %rsi", "4"),
		    "R-02");
}

static void
a_step_without_a_loop_is_no_walk(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		LOOP("lea 8(%rsp), %rsi\\nadd 4(%rsi), %eax\\nadd $4, %rsi",
		     "0", "16", "nop"),
		LOOP("lea 8(%rsp), %rsi\\nadd 12(%rsi), %eax\\nadd $4, %rsi",
		     "0", "16", "nop"),
		"R-02");
}

static void
a_pointer_may_become_an_index_of_the_same_elements(void **state)
{
#define BY_POINTER WALK("nop", "add (%rsi), %rdx", "8")
#define BY_INDEX(scale, step)                                                  \
	WALK("mov %rsi, %rbx\\nxor %esi, %esi",                                \
	     "add (%rbx,%rsi," scale "), %rdx", step)
	(void)state;
	must_accept(STRIPPED, BY_POINTER, BY_INDEX("8", "1"));
	must_refuse(STRIPPED, BY_POINTER, BY_INDEX("8", "2"), "R-02");
	must_refuse(STRIPPED, BY_POINTER, BY_INDEX("4", "1"), "R-02");
}

/** What a call leaves in two registers are two things: an index of four bytes is
 * no index of five. */
static void
what_a_call_leaves_in_two_registers_is_not_one_value(void **state)
{
#define CALLS(reg)                                                             \
	"void walk(void);\n" LOOP("mov %rsi, %" reg, "1", "17",                \
				  "call count@plt\\nadd (%" reg                \
				  ",%rdx,4), %eax")
	(void)state;
	must_accept(STRIPPED, CALLS("r8"), CALLS("rbx"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_array_of_the_frame_may_be_counted_from_another_index),
		cmocka_unit_test(
			an_array_that_the_function_was_handed_may_have_moved),
		cmocka_unit_test(
			members_of_structures_in_the_frame_are_no_array_of_numbers),
		cmocka_unit_test(
			what_the_distance_to_another_array_leads_to_is_not_the_frame),
		cmocka_unit_test(
			a_distance_that_was_kept_in_the_frame_is_one_still),
		cmocka_unit_test(
			what_stands_in_front_of_an_array_of_the_frame_is_no_header),
		cmocka_unit_test(
			what_a_call_leaves_in_two_registers_is_not_one_value),
		cmocka_unit_test(
			an_array_of_the_frame_may_stand_elsewhere_when_it_is_walked_over),
		cmocka_unit_test(a_step_without_a_loop_is_no_walk),
		cmocka_unit_test(
			a_pointer_may_become_an_index_of_the_same_elements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
