// SPDX-License-Identifier: Apache-2.0

// A copy of the struct is read as words through a union.
// debug: g
// opt: -O0 -O2

#include "../frame-struct.h"

__attribute__((noinline, noclone)) static long
save(struct rec *r)
{
	union {
		struct rec r;
		long w[3];
	} u;
	u.r = *r;
	long was = store[0];
	store[0] = u.w[1];
	return was;
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	return save(&r) * 5 + sum(&r);
}
