// SPDX-License-Identifier: Apache-2.0

// Only a cast in an expression takes what is allocated for the struct: no variable of
// that function names it.
// debug: g
// opt: -O0 -O2

#include <stdlib.h>
struct rec {
	long a;
#ifdef NEW
	long added;
#endif
	long b;
	long c;
};
static void *kept;
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
void
setup(void)
{
	kept = calloc(1, 64);
}
__attribute__((noinline, noclone)) static long
other(long input)
{
	long was = ((struct rec *)kept)->b;
	((struct rec *)kept)->b = input;
	return was;
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	return other(input) + sum(&r);
}
