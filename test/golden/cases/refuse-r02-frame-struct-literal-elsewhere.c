// SPDX-License-Identifier: Apache-2.0

// Another function than the one with the variable has an object without a name.
// debug: g
// opt: -O0 -O2

#include "../frame-struct.h"

__attribute__((noinline, noclone)) static long
save(const void *p)
{
	const long *w = p;
	long was = store[0] * 3 + store[1];
	store[0] = w[0];
	store[1] = w[1];
	return was;
}
__attribute__((noinline, noclone)) static long
other(long input)
{
	return save(&(struct rec){ .a = input, .b = input * 7 });
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	return other(input) + sum(&r);
}
