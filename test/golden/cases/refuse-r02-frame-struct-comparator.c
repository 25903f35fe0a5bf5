// SPDX-License-Identifier: Apache-2.0

// A comparator is given the struct as that of anything, and keeps a word of it.
// debug: g
// opt: -O0 -O2

#include <stdlib.h>
struct rec {
	long a;
#ifdef NEW
	long added;
#endif
	long b;
	long c;
};
static long store[2];
__attribute__((noinline, noclone)) static void
fill(struct rec *r, long v)
{
	*(volatile long *)&r->a = v;
	*(volatile long *)&r->b = v * 7;
	*(volatile long *)&r->c = v ^ 3;
}
__attribute__((noinline, noclone)) static long
sum(const struct rec *r)
{
	return *(volatile long *)&r->a * 3 + *(volatile long *)&r->b -
	       *(volatile long *)&r->c;
}
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
