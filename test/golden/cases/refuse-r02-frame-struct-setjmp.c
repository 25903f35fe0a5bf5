// SPDX-License-Identifier: Apache-2.0

// A word is kept behind a second return of setjmp.
// debug: g
// opt: -O0 -O2

#include <setjmp.h>
struct rec {
	long a;
#ifdef NEW
	long added;
#endif
	long b;
	long c;
};
static long store[2];
static jmp_buf env;
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

long
probe(long input)
{
	struct rec r;
	volatile int n = 0;
	fill(&r, input);
	if (setjmp(env)) {
		long *w = (long *)&r;
		store[0] = w[1];
	} else {
		n++;
		longjmp(env, 1);
	}
	return sum(&r) + store[0];
}
