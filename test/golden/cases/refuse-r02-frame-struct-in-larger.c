// SPDX-License-Identifier: Apache-2.0

// The struct is part of a larger one of the frame, of which a word is kept.
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
struct big {
	long x;
	struct rec r;
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
save(struct big *b)
{
	long *w = &b->x;
	long was = store[0];
	store[0] = w[2];
	return was;
}
long
probe(long input)
{
	struct big b = { 1 };
	fill(&b.r, input);
	return save(&b) * 3 + sum(&b.r);
}
