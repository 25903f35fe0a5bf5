// SPDX-License-Identifier: Apache-2.0

// What was set up at the start is set up when it is first used, as a new variable
// remembers: a process that is switched would lose what came since.

// debug: g sym

#include <string.h>

static long seen[8];
static int count;
#ifdef NEW
static int ready;
#endif

__attribute__((noinline)) void
forget(void)
{
	memset(seen, 0, sizeof(seen));
	count = 3;
}

void
setup(void)
{
#ifndef NEW
	forget();
#endif
}

long
probe(long input)
{
#ifdef NEW
	if (!ready) {
		forget();
		ready = 1;
	}
#endif
	seen[input & 7] = input;
	count += input == 5;
	return seen[(input + 1) & 7] * 100 + count;
}
