// SPDX-License-Identifier: Apache-2.0

// The program switches stacks by itself. Its fibre is suspended in what stays, so
// that the search of the heap finds nothing, and the hotpatch may go in.

#include <stdlib.h>

void
switch_stack(void **save, void *to);
__asm__(".text\n"
	".hidden switch_stack\n.globl switch_stack\n"
	".type switch_stack, @function\n"
	"switch_stack:\n"
	"push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
	"mov %rsp, (%rdi)\n"
	"mov %rsi, %rsp\n"
	"pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\n"
	"ret\n"
	".size switch_stack, . - switch_stack\n");

enum { STACK_BYTES = 65536, SAVED_REGS = 6 };

static void *thread_sp;
static void *fibre_sp;
static long value;

__attribute__((noinline)) static long
next(long number)
{
#ifdef NEW
	return number * 4;
#else
	return number * 3;
#endif
}

__attribute__((noinline)) static void
body(void)
{
	for (;;) {
		value = next(value);
		switch_stack(&fibre_sp, thread_sp);
	}
}

long
probe(long input)
{
	value = input;
	if (!fibre_sp) {
		char *stack = malloc(STACK_BYTES);
		if (!stack)
			return -1;
		void **top = (void **)(stack + STACK_BYTES - 64);
		*top = (void *)body;
		fibre_sp = top - SAVED_REGS;
	}
	switch_stack(&thread_sp, fibre_sp);
	return value;
}

void
setup(void)
{
	(void)probe(1);
}
