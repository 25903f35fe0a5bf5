// SPDX-License-Identifier: Apache-2.0

// The size of a ring is a power of two: how far one is shifted changed, and it
// is no number in any instruction.

#include <stdlib.h>

#ifdef NEW
#define LOG 6
#else
#define LOG 4
#endif

static char *ring;
static unsigned head;

__attribute__((noinline)) static void
make(int extra)
{
	ring = malloc((size_t)1 << (LOG + extra));
}

long
probe(long input)
{
	if (!ring)
		make((int)(input & 1));
	if (!ring)
		return -1;
	for (int i = 0; i < 7; i++)
		ring[head++ & ((1U << LOG) - 1)] = (char)input;
	return ring[1];
}
