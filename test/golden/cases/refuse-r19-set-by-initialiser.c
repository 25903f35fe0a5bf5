// SPDX-License-Identifier: Apache-2.0

// debug: g sym
// A new variable is set by code that already ran, and read by other code.

#include <stdlib.h>

static long start = 3;
#ifdef NEW
static long *cache;
#endif

void
setup(void)
{
	start = 4;
#ifdef NEW
	cache = calloc(32, sizeof(long));
#endif
}

long
probe(long input)
{
#ifdef NEW
	return cache[input] + start;
#else
	return start + input;
#endif
}
