// SPDX-License-Identifier: Apache-2.0

#include "plan/stack_switch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/** A piece of code between two labels. */
#define CODE(name, text)                                                       \
	extern const uint8_t name##_start[];                                   \
	extern const uint8_t name##_end[];                                     \
	__asm__(".section .rodata\n" #name "_start:\n" text "\n" #name         \
		"_end:\n.previous\n")

CODE(swap, "ret\npush %rbp\npush %rbx\nmov %rsp, (%rdi)\nmov %rsi, %rsp\n"
	   "pop %rbx\npop %rbp\nret");
CODE(libco, "mov %rsp, (%rsi)\nmov (%rdi), %rsp\npop %rax\n"
	    "mov %rbp, 8(%rsi)\njmp *%rax");
CODE(exchange, "push %rbp\nxchg %rdi, %rsp\npop %rbp\nret");
CODE(global, "mov 64(%rip), %rsp\nret");
CODE(unoptimised, "push %rbp\nmov %rsp, %rbp\nmov %rdi, -8(%rbp)\n"
		  "mov -8(%rbp), %rax\nmov %rax, %rsp\nleave\nret");
CODE(by_frame, "push %rbp\nmov %rsp, %rbp\nmov %rdi, -8(%rbp)\n"
	       "mov -8(%rbp), %rsp\nleave\nret");
CODE(frame_pointer, "mov (%rdi), %rbp\nmov %rbp, %rsp\nret");
CODE(popped, "push %rdi\npop %rsp\nret");
CODE(behind_own, "lea 8(%rsp), %rsi\ncall *%rax\nret\n"
		 "mov %rsp, (%rdi)\nmov %rsi, %rsp\nret");

static bool
finds(const uint8_t *start, const uint8_t *end, bool function)
{
	size_t len = (size_t)(end - start);
	const struct graft_range range = { .start = 0x1000,
					   .end = 0x1000 + len };

	bool found;

	assert_null(graft_stack_switch_in(start, 0x1000, len, &range, function,
					  &found));
	return found;
}

#define FOUND(name)                                                            \
	assert_true(finds(name##_start, name##_end, false));                   \
	assert_true(finds(name##_start, name##_end, true))

static void
what_switches_is_found_with_and_without_tables(void **state)
{
	(void)state;
	FOUND(swap);
	FOUND(libco);
	FOUND(exchange);
	FOUND(global);
	FOUND(unoptimised);
	FOUND(by_frame);
	FOUND(frame_pointer);
	FOUND(popped);
	FOUND(behind_own);
}

CODE(left, "push %rbp\nmov %rsp, %rbp\nsub %rax, %rsp\nmov %rbp, %rsp\n"
	   "pop %rbp\nret");
CODE(aligned, "lea 8(%rsp), %r10\nand $-32, %rsp\npush -8(%r10)\npush %rbp\n"
	      "mov %rsp, %rbp\npush %r10\ncall *%rax\nmov -8(%rbp), %r10\n"
	      "leave\nlea -8(%r10), %rsp\nret");
CODE(popped_base, "lea 8(%rsp), %r10\nand $-32, %rsp\npush -8(%r10)\n"
		  "push %rbp\nmov %rsp, %rbp\npush %r10\npush %rbx\n"
		  "call *%rax\npop %rbx\npop %r10\npop %rbp\n"
		  "lea -8(%r10), %rsp\nret");
CODE(array, "push %rbp\nmov %rsp, %rbp\nmov %rsp, %rbx\nsub %rax, %rsp\n"
	    "mov %rsp, %rdi\ncall *%rcx\nmov %rbx, %rsp\nleave\nret");
CODE(kept, "push %rbp\nmov %rsp, %rbp\nmov %rsp, -88(%rbp)\nsub %rax, %rsp\n"
	   "call *%rcx\nmov -88(%rbp), %rsp\nleave\nret");
CODE(returned, "lea 8(%rsp, %rcx), %rsp\nret");
CODE(clang_array, "push %rbp\nmov %rsp, %rbp\nmov %rsp, %rax\nsub %rdi, %rax\n"
		  "mov %rax, %rsp\nlea -16(%rbp), %rsp\npop %rbp\nret");

#define QUIET(name)                                                            \
	assert_false(finds(name##_start, name##_end, false));                  \
	assert_false(finds(name##_start, name##_end, true))

static void
frames_that_are_made_and_left_are_no_switches(void **state)
{
	(void)state;
	QUIET(left);
	QUIET(aligned);
	QUIET(popped_base);
	QUIET(array);
	QUIET(kept);
	QUIET(returned);
	QUIET(clang_array);
}

CODE(loop, "jmp 2f\nnop\n1:\nmov %rbx, %rsp\nret\nnop\n"
	   "2:\nmov %rsp, %rbx\nsub %rax, %rsp\njmp 1b");

static void
by_tables_a_function_is_known_to_its_ends(void **state)
{
	(void)state;
	assert_false(finds(loop_start, loop_end, true));
	// Without, what is kept may be another function's.
	assert_true(finds(loop_start, loop_end, false));
}

static void
zeros_in_front_hide_nothing(void **state)
{
	static const uint8_t codes[][3] = {
		{ 0x5c, 0xc3, 0x90 }, // pop %rsp; ret
		{ 0x48, 0x89, 0xfc }, // mov %rdi, %rsp
	};

	(void)state;
	// In pairs they are instructions of their own.
	for (size_t zeros = 2; zeros < 64; zeros += 2) {
		uint8_t bytes[64 + sizeof(codes[0])] = { 0 };
		assert_false(finds(bytes, bytes + zeros + 3, false));
		for (size_t i = 0; i < 2; i++) {
			memcpy(bytes + zeros, codes[i], sizeof(codes[i]));
			assert_true(finds(bytes, bytes + zeros + 3, false));
		}
	}
}

static void
what_is_no_code_is_looked_at_without_harm(void **state)
{
	uint8_t bytes[600];
	bool found;

	(void)state;
	for (uint32_t seed = 1; seed < 4000; seed++) {
		uint32_t x = seed;
		for (size_t i = 0; i < sizeof(bytes); i++) {
			x = x * 1664525 + 1013904223;
			bytes[i] = (uint8_t)(x >> 24);
		}
		assert_null(graft_stack_switch_in(
			bytes, 0, seed % sizeof(bytes), NULL, 0, &found));
	}
	assert_null(graft_stack_switch_in(bytes, 0, 0, NULL, 0, &found));
	assert_false(found);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_switches_is_found_with_and_without_tables),
		cmocka_unit_test(frames_that_are_made_and_left_are_no_switches),
		cmocka_unit_test(by_tables_a_function_is_known_to_its_ends),
		cmocka_unit_test(zeros_in_front_hide_nothing),
		cmocka_unit_test(what_is_no_code_is_looked_at_without_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
