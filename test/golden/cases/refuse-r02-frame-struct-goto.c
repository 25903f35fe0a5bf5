// SPDX-License-Identifier: Apache-2.0

// A jump through a table of labels leads to the code that keeps a word of the struct.
// debug: g
// opt: -O0 -O2

#include "../frame-struct.h"

__attribute__((noinline, noclone)) static long
go(struct rec *r, long k)
{
	static void *const to[] = { &&x, &&y };
	long *w = (long *)r;
	goto *to[k & 1];
x:
	store[0] = w[0];
	return store[1];
y:
	store[1] = w[1];
	return store[0];
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	return go(&r, input) + sum(&r);
}
