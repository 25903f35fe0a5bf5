// SPDX-License-Identifier: Apache-2.0

// opt: -O2 -O3
// A helper says how large an object is, and another function allocates it.

#include <stdlib.h>

#ifdef NEW
#define LONGS 4
#else
#define LONGS 2
#endif

__attribute__((noinline, noclone)) static size_t
size_of(void)
{
	__asm__ volatile("" ::: "memory");
	return LONGS * sizeof(long) * 4;
}

static long *kept;

__attribute__((noinline, noclone)) static long *
make(void)
{
	return malloc(size_of());
}

long
probe(long input)
{
	if (!kept)
		kept = make();
	kept[0] = input;
	return kept[0];
}
