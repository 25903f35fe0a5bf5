// SPDX-License-Identifier: Apache-2.0

// One index walks two arrays, and the elements of one of them shrink to half: the
// factor that is gone there is still that of the other.
// debug: strip sym

#include <stdlib.h>

struct element {
	int value;
#ifndef NEW
	int unused;
#endif
};

static char pool[4096] __attribute__((aligned(64)));
static long *added;
struct element *sums = (struct element *)pool;

long
probe(long input)
{
	long all = 0;

	if (!added)
		added = calloc(100, sizeof(*added));
	if (!added)
		return 0;
	for (long i = 0; i < 100; i++) {
		added[i] += input + i;
		sums[i].value += (int)added[i];
	}
	for (long i = 0; i < 100; i++)
		all += sums[i].value;
	return all;
}
