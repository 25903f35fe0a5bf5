// SPDX-License-Identifier: Apache-2.0

// A function hands the address back as that of a number, and words are kept there.
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
