// SPDX-License-Identifier: Apache-2.0

// opt: -O0 -O2
// The size of an object that start-up code allocates is another.

#include <stdlib.h>

#ifdef NEW
enum { COUNT = 64 };
#else
enum { COUNT = 32 };
#endif

static long *slots;

void
setup(void)
{
	slots = malloc(COUNT * sizeof(long));
	for (long i = 0; i < COUNT; i++)
		slots[i] = i;
}

long
probe(long input)
{
	return slots[(input * 7) % COUNT];
}
