// SPDX-License-Identifier: Apache-2.0

// A function hands the address back as that of a number, and words are kept there.
// debug: g
// opt: -O0 -O2

#include "../frame-struct.h"

__attribute__((noinline, noclone)) static long *
back(struct rec *r)
{
	r->c++;
	return (long *)r;
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	long *w = back(&r);
	long was = store[0];
	store[0] = w[1];
	return was * 3 + sum(&r);
}
