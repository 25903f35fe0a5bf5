// SPDX-License-Identifier: Apache-2.0

// A handler of signals finds the address in a variable, and keeps a word.
// debug: g
// opt: -O0 -O2

#include <signal.h>
struct rec {
	long a;
#ifdef NEW
	long added;
#endif
	long b;
	long c;
};
static long store[2];
static void *volatile now;
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
static void
on(int s)
{
	(void)s;
	long *w = now;
	store[1] = store[0];
	store[0] = w[1];
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	signal(SIGUSR1, on);
	now = &r;
	raise(SIGUSR1);
	return store[1] + sum(&r);
}
