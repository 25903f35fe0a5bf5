// SPDX-License-Identifier: Apache-2.0

// The address of a member leads to the one before it.
// debug: g
// opt: -O0 -O2

#include "../frame-struct.h"

__attribute__((noinline, noclone)) static long
copy(const long *w)
{
	long was = store[0] * 3 + store[1];
	store[0] = w[0];
	store[1] = w[-1];
	return was;
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	return copy(&r.c) + sum(&r);
}
