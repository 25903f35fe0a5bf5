// SPDX-License-Identifier: Apache-2.0

// A function with arguments on the stack, a buffer in its frame and an early
// return more; what it is called with stays.

#include <string.h>

struct three {
	long x[3];
};

__attribute__((noinline)) long
mix(int a, long b, long c, long d, long e, long f, int g, struct three h)
{
	char text[64];

#ifdef NEW
	if (a > 7)
		return -g;
#endif
	memset(text, g, sizeof(text));
	text[b & 63] = 3;
	__asm__ volatile("" ::"r"(text) : "memory");
	return a * b + c * d + e * f + h.x[2] + text[f & 63];
}

static long (*volatile caller)(int, long, long, long, long, long, int,
			       struct three) = mix;

long
probe(long input)
{
	struct three more = { { 1, 2, input } };

	return caller((int)input, 1, 2, 3, 4, input, 6, more);
}
