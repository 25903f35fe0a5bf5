// SPDX-License-Identifier: Apache-2.0

// debug: strip
// opt: -O2 -O3 -Os
// kind: so
// A table of distances that is a member: who kept the address of the object, which
// begins in front of it, would go on with the old distances.

struct book {
	int count;
	int off[4];
	char text[40];
};

#define PLACE(k) ((int)sizeof(int[4]) + (k))

static const struct book book = { 4,
#ifdef NEW
				  { PLACE(3), PLACE(9), PLACE(12), PLACE(1) },
#else
				  { PLACE(0), PLACE(5), PLACE(10), PLACE(15) },
#endif
				  "abcdefghijklmnopqrstuvwxyz0123456789" };

static const struct book *kept;

__attribute__((noinline)) long
hidden(long i)
{
	const char *base = (const char *)book.off;

	__asm__("" : "+r"(base));
	return base[((const int *)base)[i & 3]];
}

__attribute__((noinline)) long
direct(long i)
{
	const char *base = (const char *)book.off;

	return base[book.off[i & 3]];
}

__attribute__((noinline)) void
keep(void)
{
	const struct book *b = &book;

	__asm__("" : "+r"(b));
	kept = b;
}

long
probe(long input)
{
	if (!kept)
		keep();
	return direct(input) * 1000 + hidden(input) +
	       ((const char *)kept->off)[kept->off[(input + 1) & 3]] *
		       (kept == &book ? 7 : 9);
}
