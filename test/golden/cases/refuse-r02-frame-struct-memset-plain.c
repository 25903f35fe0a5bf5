// SPDX-License-Identifier: Apache-2.0

// The same with the compiler's own memset: at -O0 gcc uses what it returns.
// debug: g
// compiler: gcc
// opt: -O0

#include <string.h>
struct rec {
#ifdef NEW
	long b;
	long a;
#else
	long a;
	long b;
#endif
	long pad[4000];
};
static char store[64];
__attribute__((noinline, noclone)) static void
save(void *p)
{
	memcpy(store, p, 16);
}
__attribute__((noinline, noclone)) static void
load(void *p)
{
	memcpy(p, store, 16);
}
__attribute__((noinline, noclone)) static long
sum(struct rec *r)
{
	return r->a * 3 + r->b;
}
long
probe(long input)
{
	struct rec r;
	void *p = memset(&r, 0, sizeof(r));
	load(p);
	long was = sum(&r);
	r.a = input;
	r.b = input * 7;
	save(p);
	return was;
}
