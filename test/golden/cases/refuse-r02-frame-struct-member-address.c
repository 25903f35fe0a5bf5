// SPDX-License-Identifier: Apache-2.0

// The address of a member leads to the one before it.
// debug: g
// opt: -O0 -O2

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
