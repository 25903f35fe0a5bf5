// SPDX-License-Identifier: Apache-2.0

// Single bytes are kept that constants name, each of them of one member in both builds.
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
static unsigned char store[32];
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
pack(const struct rec *r)
{
	const volatile unsigned char *p = (const volatile unsigned char *)r;
	long was = store[0] + store[8];
	store[0] = p[0];
	store[8] = p[8];
	return was;
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	return pack(&r) + sum(&r);
}
