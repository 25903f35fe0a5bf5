// SPDX-License-Identifier: Apache-2.0

// compiler: gcc
// A loop that counts from 1 names a text by the byte before it: the end of the
// text in front, which changed. The register still holds that address where the
// next function is called.

#include <stdio.h>

static long found;

__attribute__((noipa)) static void
note(const char *text)
{
	found += text[0];
}

__attribute__((noipa)) static long
is_index(const char *path)
{
	const char *before;
	const char *front;
	long i = 1;

	// Both texts in one pool, the changed one right in front.
	__asm__(".section .rodata.str1.1,\"aMS\",@progbits,1\n"
#ifdef NEW
		"9: .asciz \"server.c:5829\"\n"
#else
		"9: .asciz \"server.c:5823\"\n"
#endif
		"8: .asciz \"/index.html\"\n"
		".previous\n"
		"lea 9b(%%rip), %0\n"
		"lea 8b-1(%%rip), %1\n"
		: "=r"(front), "=D"(before));
	while (i < 12 && path[i - 1] == before[i])
		i++;
	note(front + 9);
	if (i < 12)
		// What %rdi holds is left over.
		__asm__ volatile("" : : "D"(before));
	return i;
}

long
probe(long input)
{
	char path[16];

	snprintf(path, sizeof(path), "/index.htm%c", (int)(input & 1) + 'l');
	found = 0;
#ifdef NEW
	return is_index(path) * 1000 + found + 1;
#else
	return is_index(path) * 1000 + found;
#endif
}
