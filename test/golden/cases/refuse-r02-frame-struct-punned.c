// SPDX-License-Identifier: Apache-2.0

// A copy of the struct is read as words through a union.
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
