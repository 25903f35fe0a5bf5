// SPDX-License-Identifier: Apache-2.0

// A comparator is given the struct as that of anything, and keeps a word of it.
// debug: g
// opt: -O0 -O2

#include "../frame-struct.h"
#include <stdlib.h>

static int
cmp(const void *x, const void *y)
{
	const long *a = x, *b = y;
	store[1] = store[0];
	store[0] = a[1];
	return *a < *b ? -1 : *a > *b;
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	long was = store[0];
	qsort(&r, 1, sizeof r, cmp);
	cmp(&r, &r);
	return was + sum(&r);
}
