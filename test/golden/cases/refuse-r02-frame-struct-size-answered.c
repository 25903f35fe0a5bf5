// SPDX-License-Identifier: Apache-2.0

// A function that is given the struct answers how large it is.
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
static char store[4096];
static long n;
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
size(struct rec *r)
{
	r->c = 1;
	return sizeof(*r);
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	long k = size(&r) * (n++ & 15);
	*(long *)(store + k) = input;
	return store[0] +
	       *(long *)(store + (n > 1 ? size(&r) * (n - 2 & 15) : 0)) +
	       sum(&r);
}
