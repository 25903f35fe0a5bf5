// SPDX-License-Identifier: Apache-2.0

// An index leads into the struct from 520 bytes behind its start, where another variable is.
// debug: g
// compiler: clang
// opt: -O2 -O3 -Os

#include <string.h>
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
static volatile long store[4];
static volatile long key = -65;
__attribute__((noinline, noclone)) static void
use(char *b)
{
	memset(b, 1, 40);
}
__attribute__((noinline, noclone)) static long
sum(struct rec *r)
{
	return *(volatile long *)&r->a * 3 + *(volatile long *)&r->b;
}
long
probe(long input)
{
	struct rec r;
	char behind[1000];
	use(behind);
	long k = key;
	*(volatile long *)&r.a = 5;
	*(volatile long *)&r.b = 6;
	((volatile long *)&r)[k + 'A'] = store[0];
	long was = sum(&r);
	*(volatile long *)&r.a = input;
	*(volatile long *)&r.b = input * 7;
	store[0] = ((volatile long *)&r)[key + 'A'];
	return was;
}
