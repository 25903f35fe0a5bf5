// SPDX-License-Identifier: Apache-2.0

// opt: -O0 -O2
// A struct of the frame is saved byte by byte in another form, and read back by
// the next call: what OLD saved has OLD's layout.

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

static unsigned char store[sizeof(struct rec)];

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
save(const void *from)
{
	const unsigned char *bytes = from;

	for (unsigned i = 0; i < sizeof(struct rec); i++)
		store[i] = bytes[i] ^ 0x55;
}

__attribute__((noinline, noclone)) static void
load(void *to)
{
	unsigned char *bytes = to;

	for (unsigned i = 0; i < sizeof(struct rec); i++)
		bytes[i] = store[i] ^ 0x55;
}

long
probe(long input)
{
	struct rec r;
	long was;

	load(&r);
	was = first(&r);
	fill(&r, (int)input, (int)input + 1);
	save(&r);
	return was;
}
