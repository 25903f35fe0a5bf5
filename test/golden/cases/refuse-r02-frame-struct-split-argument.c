// SPDX-License-Identifier: Apache-2.0

// A function that stays is given one pointer less and two numbers more than its source
// says (gcc's .isra): the address of the struct comes in a register that no parameter tells of.
// debug: g
// compiler: gcc
// opt: -O2 -O3

struct rec {
#ifdef NEW
	long b;
	long a;
#else
	long a;
	long b;
#endif
	long c;
};
struct two {
	long x, y;
};
static volatile long store[4];
__attribute__((noinline)) static void
save(const struct two *w, volatile long *p)
{
	store[0] = p[0] + w->x;
	store[1] = p[1] + w->y;
}
__attribute__((noinline)) static void
load(const struct two *w, volatile long *p)
{
	long x = w->x, y = w->y;
	p[0] = store[0] - x;
	p[1] = store[1] - y;
}
__attribute__((noinline, noclone)) static void
fill(struct rec *r, long v)
{
	r->c = v ^ 3;
	*(volatile long *)&r->a = v + 1;
	*(volatile long *)&r->b = v * 7;
}
__attribute__((noinline, noclone)) static long
sum(struct rec *r)
{
	return r->a * 3 + r->b;
}
static struct two ws[2] = { { 1, 2 }, { 3, 4 } };
long
probe(long input)
{
	struct rec r;
	load(&ws[input & 1], (volatile long *)&r);
	long was = sum(&r) + r.b;
	fill(&r, input);
	save(&ws[input & 1], (volatile long *)&r);
	return was;
}
