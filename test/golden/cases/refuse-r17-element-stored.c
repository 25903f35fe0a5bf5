// SPDX-License-Identifier: Apache-2.0

// The address of an element of a changed table is stored, and subtracted from
// that of the table later.

struct row {
	int id;
	int width;
};

static const struct row rows[] = { { 1, 10 },
#ifdef NEW
				   { 2, 21 },
#else
				   { 2, 20 },
#endif
				   { 3, 30 } };
static const struct row *current[8];

__attribute__((noinline)) static void
choose(long input)
{
	current[input & 7] = &rows[(unsigned long)input % 3];
}

long
probe(long input)
{
	choose(input);
	return current[0] ? current[0] - rows + current[0]->width : -1;
}
