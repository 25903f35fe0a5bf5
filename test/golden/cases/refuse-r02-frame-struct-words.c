// SPDX-License-Identifier: Apache-2.0

// opt: -O0 -O2
// Words of a struct of the frame are kept, each of them just one member: but which
// one that is, is not the same in both builds.

struct rec {
#ifdef NEW
	long added;
#endif
	long a;
	long b;
	long c;
};

long store[2];

__attribute__((noinline, noclone)) static void
fill(struct rec *r, long input)
{
	r->a = input;
	r->b = input * 3;
	r->c = input ^ 7;
}

__attribute__((noinline, noclone)) static long
sum(const struct rec *r)
{
	return r->a + r->b * 5 - r->c;
}

__attribute__((noinline, noclone)) static void
save(const void *from)
{
	const long *word = from;

	store[0] = word[1];
	store[1] = word[2];
}

__attribute__((noinline, noclone)) static void
load(void *to)
{
	long *word = to;

	word[1] = store[0];
	word[2] = store[1];
}

long
probe(long input)
{
	struct rec r = { 0 };
	long was;

	load(&r);
	was = sum(&r);
	fill(&r, input);
	save(&r);
	return was;
}
