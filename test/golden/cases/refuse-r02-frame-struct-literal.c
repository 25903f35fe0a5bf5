// SPDX-License-Identifier: Apache-2.0

// An object without a name, of which debug information tells nothing, is kept as words.
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
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	return save(&(struct rec){ .a = input, .b = input * 7 }) + sum(&r);
}
