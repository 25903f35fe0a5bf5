// SPDX-License-Identifier: Apache-2.0

// A structure gains a member, and objects of it live in frames; but one is
// allocated, and only a cast says so.

#include <stdlib.h>

struct totals {
	int best;
#ifdef NEW
	long added;
#endif
	int count;
	long sum;
};

static void *kept;

void
setup(void)
{
	kept = calloc(4, 64);
}

__attribute__((noinline)) static void
add(struct totals *totals, long value)
{
	totals->count++;
	totals->sum += value * 3;
	if (value % 5 > totals->best)
		totals->best = (int)(value % 5);
}

__attribute__((noinline)) static long
sum_of(const struct totals *totals)
{
	return totals->best + totals->count * 10 + totals->sum;
}

long
probe(long input)
{
	struct totals totals = { 0 };

	add(&totals, input);
	add(kept, input);
	return sum_of(&totals) + sum_of(kept);
}
