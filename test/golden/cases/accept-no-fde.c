// SPDX-License-Identifier: Apache-2.0

// Functions without unwind information, as hand-written assembly has them, beside
// the one that changes and called by it.

long
mixed(long value);
long
turned(long value);

__asm__(".text\n"
	".p2align 4\n"
	".type mixed, @function\n"
	"mixed:\n"
	"	lea 7(%rdi,%rdi,4), %rax\n"
	"	xor $0x55, %rax\n"
	"	ret\n"
	".size mixed, .-mixed\n"
	".p2align 4\n"
	".type turned, @function\n"
	"turned:\n"
	"	mov %rdi, %rax\n"
	"	rol $5, %rax\n"
	"	call mixed\n"
	"	add %rdi, %rax\n"
	"	ret\n"
	".size turned, .-turned\n");

static long count;

long
probe(long input)
{
	count++;
#ifdef NEW
	if (input < 0)
		return mixed(-input) + count;
	return turned(input) * 3 + mixed(input) + count;
#else
	return turned(input) + mixed(input) + count;
#endif
}
