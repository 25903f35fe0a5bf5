// SPDX-License-Identifier: Apache-2.0

// How far a member is from the start of the struct is kept, and steps through what stays.
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
static long store[4];
static long key = -1;
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
at(struct rec *r, long *m)
{
	return m - (long *)r;
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	long k = at(&r, &r.b);
	if (key < 0)
		key = k;
	store[k] += input;
	return store[key] + sum(&r);
}
