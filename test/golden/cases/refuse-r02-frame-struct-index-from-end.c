// SPDX-License-Identifier: Apache-2.0

// An index that only a variable knows leads from the end of the struct into it, where
// another variable begins; the sizes differ, so it leads to another member.
// debug: g
// compiler: clang
// opt: -O2 -Os

#include <string.h>
struct rec {
	long a;
	long b;
#ifdef NEW
	long added;
#endif
	long c;
#ifdef NEW
	long more;
#endif
};
static volatile long store[4];
static volatile long key = -2;
__attribute__((noinline, noclone)) static void
use(char *b, long v)
{
	memset(b, (int)v, 40);
}
__attribute__((noinline, noclone)) static void
fill(struct rec *r, long v)
{
	r->a = v;
	r->b = v * 7;
	r->c = v ^ 3;
}
__attribute__((noinline, noclone)) static long
sum(struct rec *r)
{
	return r->a * 3 + r->b + r->c;
}
long
probe(long input)
{
	char before[800];
	struct rec r;
	char behind[800];
	use(before, input);
	use(behind, input);
	fill(&r, input);
	long k = key;
	((volatile long *)(&r + 1))[k] = store[0];
	long was = sum(&r) + r.b;
	fill(&r, input);
	store[0] = ((volatile long *)(&r + 1))[k];
	return was;
}
