// SPDX-License-Identifier: Apache-2.0

// A constant in the object is its size, and the distance of what is kept.
// debug: g
// opt: -O0 -O1 -O2 -Os

struct rec {
	long a;
#ifdef NEW
	long added;
#endif
	long size;
	long c;
};
static char store[512];
static long at;
__attribute__((noinline, noclone)) static void
fill(struct rec *r, long input)
{
	r->a = input;
	r->size = sizeof(*r);
	r->c = input ^ 7;
}
__attribute__((noinline, noclone)) static long
sum(const struct rec *r)
{
	return r->a - r->c;
}
long
probe(long input)
{
	struct rec r;
	long n = at++;
	fill(&r, input);
	*(long *)(store + n % 8 * r.size) = sum(&r);
	return n ? *(long *)(store + (n - 1) % 8 * r.size) : 0;
}
