// SPDX-License-Identifier: Apache-2.0

// opt: -O0 -O2
// The address of a struct of the frame stands in a word of the frame, whose address
// is handed on: who gets that copies the struct.

#include <string.h>

struct rec {
#ifdef NEW
	int b;
	int a;
#else
	int a;
	int b;
#endif
	long c;
	long d;
};

static char store[64];

__attribute__((noinline, noclone)) static void
fill(struct rec *r, int a, int b)
{
	r->a = a;
	r->b = b;
	r->c = a;
	r->d = b;
}

__attribute__((noinline, noclone)) static int
first(const struct rec *r)
{
	return r->a;
}

__attribute__((noinline, noclone)) static void
save(void **from)
{
	memcpy(store, *from, sizeof(struct rec));
}

__attribute__((noinline, noclone)) static void
load(void **to)
{
	memcpy(*to, store, sizeof(struct rec));
}

long
probe(long input)
{
	struct rec r;
	void *at = &r;
	long was;

	load(&at);
	was = first(&r);
	fill(&r, (int)input, (int)input + 1);
	save(&at);
	return was;
}
