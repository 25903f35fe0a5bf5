// SPDX-License-Identifier: Apache-2.0

// No function names the type by a pointer: the address is handed on as that of anything,
// and who gets it copies the struct.
// debug: g
// opt: -O0 -O2

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
long
probe(long input)
{
	struct rec r;
	void *p = &r;
	load(p);
	long was = r.a * 3 + r.b;
	r.a = input;
	r.b = input * 7;
	save(p);
	return was;
}
