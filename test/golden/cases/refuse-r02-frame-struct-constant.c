// SPDX-License-Identifier: Apache-2.0

// A constant in the object is an offset that depends on the layout; where something is
// kept from one call to the next depends on that.
// debug: g

#include <stddef.h>
struct rec {
	long a;
#ifdef NEW
	long added;
#endif
	long b;
	int where;
};
static char store[64];
__attribute__((noinline, noclone)) static void
start(struct rec *r)
{
	r->where = offsetof(struct rec, b);
	r->a = 0;
}
long
probe(long input)
{
	struct rec r;
	start(&r);
	long was = *(long *)(store + r.where);
	*(long *)(store + r.where) = input;
	return was;
}
