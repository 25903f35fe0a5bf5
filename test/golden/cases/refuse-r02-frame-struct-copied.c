// SPDX-License-Identifier: Apache-2.0

// A structure that is handled in frames gains a member, but from one call to the
// next it is kept as bytes in memory that stays.

#include <stdlib.h>
#include <string.h>

struct totals {
	int best;
#ifdef NEW
	long added;
#endif
	int count;
	long sum;
};

static char *kept;

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

long
probe(long input)
{
	struct totals totals;

	memcpy(&totals, kept, sizeof(totals));
	add(&totals, input);
	memcpy(kept, &totals, sizeof(totals));
	return totals.best + totals.count * 10 + totals.sum;
}
