// SPDX-License-Identifier: Apache-2.0

// Decoding, groups and reaches of assembly whose every byte is known.

#include "truth.h"

#include "diff/code/back.h"
#include "diff/constant/reach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct graft_func *
func_of(const struct truth *truth, const char *name)
{
	const struct graft_code *code = truth->diff->new_code;
	const struct graft_symbol *symbol = truth_symbol(truth->new_full, name);

	assert_non_null(symbol);
	uint32_t func = graft_code_func_at(code, symbol->addr);
	assert_int_not_equal(func, GRAFT_NONE);
	return &code->funcs[func];
}

static const struct graft_ref *
ref_of(const struct truth *truth, const char *name, uint32_t i)
{
	const struct graft_func *func = func_of(truth, name);

	assert_true(i < func->ref_count);
	return &truth->diff->new_code->refs[func->first_ref + i];
}

static void
a_short_tail_call_is_a_reference_of_one_byte(void **state)
{
	struct truth truth;

	(void)state;
	truth_assemble(".text\n" FUNC("a") ".byte 0xeb, 0\n" END("a")
			       FUNC("b") "ret\n" END("b"),
		       &truth);
	const struct graft_ref *ref = ref_of(&truth, "a", 0);
	assert_int_equal(ref->width, 1);
	assert_int_equal(ref->kind, GRAFT_REF_BRANCH);
	assert_int_equal(ref->target, func_of(&truth, "b")->addr);
	truth_deinit(&truth);
}

static void
references_know_their_size_and_direction(void **state)
{
	struct truth truth;

	(void)state;
	truth_assemble(
		".text\n" FUNC(
			"a") "mov x(%rip), %eax\nmov %rax, x(%rip)\n"
			     "lea x(%rip), %r9\nmovl $7, x(%rip)\nret\n" END(
				     "a") ".bss\n.globl x\n.hidden x\n"
					  ".type x, @object\n.size x, 8\nx: .zero 8\n",
		&truth);
	uint64_t x = truth_symbol(truth.new_full, "x")->addr;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(ref_of(&truth, "a", i)->target, x);
	assert_int_equal(ref_of(&truth, "a", 0)->access, 4);
	assert_false(ref_of(&truth, "a", 0)->writes);
	assert_int_equal(ref_of(&truth, "a", 1)->access, 8);
	assert_true(ref_of(&truth, "a", 1)->writes);
	assert_int_equal(ref_of(&truth, "a", 2)->kind, GRAFT_REF_ADDRESS);
	assert_int_equal(ref_of(&truth, "a", 2)->reg, 9);
	assert_true(ref_of(&truth, "a", 3)->writes);
	truth_deinit(&truth);
}

static void
a_jump_into_the_middle_joins_two_functions(void **state)
{
	struct truth truth;

	(void)state;
	truth_assemble(".text\n" FUNC("a") "jmp b+1\n" END("a")
			       FUNC("b") "nop\nret\n" END("b")
				       FUNC("c") "jmp b\n" END("c"),
		       &truth);
	assert_int_equal(func_of(&truth, "a")->group,
			 func_of(&truth, "b")->group);
	assert_int_not_equal(func_of(&truth, "c")->group,
			     func_of(&truth, "b")->group);
	truth_deinit(&truth);
}

static void
an_address_that_is_taken_to_go_below_it_is_known(void **state)
{
	struct truth truth;

	(void)state;
	truth_assemble(
		".text\n" FUNC(
			"minus") "lea x(%rip), %rsi\n"
				 "lea -16(%rsi), %rdi\nret\n" END("minus") FUNC(
					 "copy") "lea x(%rip), %rsi\nmov %rsi, %r8\n"
						 "sub $4, %r8\nret\n" END("copy") FUNC(
							 "index") "lea x(%rip), %rsi\nmov $-16, %rax\n"
								  "mov (%rsi,%rax,4), %ecx\nret\n" END(
									  "index")
									  FUNC("plain") "lea x(%rip), %rsi\nmov 4(%rsi), %eax\n"
											"mov %rdi, %rsi\nsub $4, %rsi\nret\n" END(
												"plain")
												FUNC("call") "lea x(%rip), %rsi\ncall plain\n"
													     "mov -4(%rsi), %eax\nret\n" END(
														     "call") ".section .rodata\n.globl x\n.hidden x\n.type x, @object\n"
															     ".size x, 8\nx: .quad 9\n",
		&truth);
	assert_true(ref_of(&truth, "minus", 0)->back);
	assert_true(ref_of(&truth, "copy", 0)->back);
	assert_true(ref_of(&truth, "index", 0)->back);
	assert_false(ref_of(&truth, "plain", 0)->back);
	assert_false(ref_of(&truth, "call", 0)->back);
	truth_deinit(&truth);
}

static void
a_constant_ends_where_text_begins(void **state)
{
	struct truth truth;

	(void)state;
	truth_assemble(
		".text\n" FUNC(
			"a") "lea t(%rip), %rax\nlea t+8(%rip), %rcx\n"
			     "lea s(%rip), %rdx\nret\n" END(
				     "a") ".section .rodata\n.balign 16\n"
					  "t: .long 1, 2, 3, 4, 5, 6\ns: .string \"text\"\n",
		&truth);
	const struct graft_code *code = truth.diff->new_code;
	uint64_t t = ref_of(&truth, "a", 0)->target;
	assert_int_equal(graft_reach_end(code, t), t + 24);
	assert_int_equal(graft_reach_end(code, t + 8), t + 24);
	truth_deinit(&truth);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_tail_call_is_a_reference_of_one_byte),
		cmocka_unit_test(references_know_their_size_and_direction),
		cmocka_unit_test(a_jump_into_the_middle_joins_two_functions),
		cmocka_unit_test(
			an_address_that_is_taken_to_go_below_it_is_known),
		cmocka_unit_test(a_constant_ends_where_text_begins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
