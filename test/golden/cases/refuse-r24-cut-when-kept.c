// SPDX-License-Identifier: Apache-2.0

// The place in a ring is cut to the ring's size when it is kept, where it was cut when
// it was used: what OLD kept goes beyond the ring.
//
// SAME: it is cut when it is used, too.

#include <stdint.h>

enum { RING = 64 };

struct ring {
	long id;
	uint32_t head;
	uint32_t moved;
	long slot[RING];
};

static struct ring ring;

__attribute__((noinline)) static long
put(struct ring *r, long value)
{
#if defined(NEW) && !defined(SAME)
	r->slot[r->head] = value;
	r->head = (r->head + 1) & (RING - 1);
#else
	r->slot[r->head & (RING - 1)] = value;
#ifdef NEW
	r->head = (r->head + 1) & (RING - 1);
#else
	r->head = r->head + 1;
#endif
#endif
	return r->slot[0];
}

long
probe(long input)
{
#ifdef NEW
	if (input == 5)
		return -1;
#endif
	return put(&ring, 3) + input;
}
