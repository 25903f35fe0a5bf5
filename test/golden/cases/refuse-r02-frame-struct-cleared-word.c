// SPDX-License-Identifier: Apache-2.0

// A word of the struct is cleared by its place, and an index into what stays is computed
// from what is left of its members.
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
static long store[64];
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
__attribute__((noinline, noclone)) static void
clear(struct rec *r)
{
	((long *)r)[1] = 0;
}
long
probe(long input)
{
	struct rec r;
	r.a = 8;
	r.b = 16;
	r.c = input;
	clear(&r);
	long k = r.a + r.b;
	long was = store[k];
	store[k] = input;
	return was;
}
