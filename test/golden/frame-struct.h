// SPDX-License-Identifier: Apache-2.0

// What the cases of structs in frames have in common: one that gains a member in the
// middle, a place that outlives the call, and two functions that fill and read it.

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
