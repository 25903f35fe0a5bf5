// SPDX-License-Identifier: Apache-2.0

// A function that is given the struct answers where a member stands.
// debug: g
// opt: -O0 -O2

#include <stddef.h>
struct rec {
	long a;
#ifdef NEW
	long added;
#endif
	long b;
	long c;
};
static char store[64];
static long off = -1;
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
__attribute__((noinline, noclone)) static long
where(struct rec *r)
{
	r->c = 1;
	return offsetof(struct rec, b);
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	long k = where(&r);
	if (off < 0)
		off = k;
	long was = *(long *)(store + off);
	*(long *)(store + k) = input;
	return was + sum(&r);
}
