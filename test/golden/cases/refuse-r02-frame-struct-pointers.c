// SPDX-License-Identifier: Apache-2.0

// The address stands in an array of pointers, which is handed on.
// debug: g
// opt: -O0 -O2

#include "../frame-struct.h"

__attribute__((noinline, noclone)) static long
copy(void *const *p)
{
	long *w = p[1];
	long was = store[0] * 3 + store[1];
	store[0] = w[0];
	store[1] = w[1];
	return was;
}
long
probe(long input)
{
	struct rec r;
	void *at[2] = { 0, &r };
	fill(&r, input);
	return copy(at) + sum(&r);
}
