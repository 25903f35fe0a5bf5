// SPDX-License-Identifier: Apache-2.0

// kind: exec
// cflags: -mcmodel=large
// debug: g sym
// Functions are called through registers, which get their addresses in 64 bits: no rule
// sees that the room which one of them computes is that of another.

#include <stdlib.h>

#ifdef NEW
#define CELLS 4
#else
#define CELLS 2
#endif

static long *kept;

__attribute__((noinline)) static size_t
room(void)
{
	return CELLS * sizeof(long);
}

__attribute__((noinline)) static long *
make(void)
{
	long *cells = malloc(room());

	cells[0] = 1;
	return cells;
}

long
probe(long input)
{
	if (!kept)
		kept = make();
	kept[CELLS - 1] = input;
	return kept[CELLS - 1] + kept[0];
}
