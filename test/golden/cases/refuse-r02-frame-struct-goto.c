// SPDX-License-Identifier: Apache-2.0

// A jump through a table of labels leads to the code that keeps a word of the struct.
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
go(struct rec *r, long k)
{
	static void *const to[] = { &&x, &&y };
	long *w = (long *)r;
	goto *to[k & 1];
x:
	store[0] = w[0];
	return store[1];
y:
	store[1] = w[1];
	return store[0];
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	return go(&r, input) + sum(&r);
}
