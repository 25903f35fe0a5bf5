// SPDX-License-Identifier: Apache-2.0

// A thread is given the struct as that of anything, and keeps a word of it.
// debug: g
// opt: -O0 -O2

#include <pthread.h>
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
static void *
run(void *p)
{
	long *w = p;
	long t = store[0];
	store[0] = w[1];
	w[1] = t;
	return 0;
}
long
probe(long input)
{
	struct rec r;
	pthread_t t;
	fill(&r, input);
	pthread_create(&t, 0, run, &r);
	pthread_join(t, 0);
	return sum(&r);
}
