// SPDX-License-Identifier: Apache-2.0

// kind: exec
// compiler: gcc
// cflags: -fno-toplevel-reorder
// opt: -O2 -O3 -Os
// debug: g sym
// Only the table and a function beside changed. The one function that reads the table
// adds what stands in front of it to an index, `add $table-480,%rax`.

struct row {
	long cells[12];
};

static const struct row before[8] = { { { 1 } }, { { 2 } }, { { 3 } },
				      { { 4 } }, { { 5 } }, { { 6 } },
				      { { 7 } }, { { 8 } } };
#ifdef NEW
static const struct row table[4] = {
	{ { 10 } }, { { 20 } }, { { 30 } }, { { 41 } }
};
#else
static const struct row table[4] = {
	{ { 10 } }, { { 20 } }, { { 30 } }, { { 40 } }
};
#endif

__attribute__((noinline)) static long
first(long at)
{
	const struct row *rows = before;

	__asm__("" : "+r"(rows));
	return rows[at & 7].cells[0];
}

__attribute__((noinline)) static long
second(long at)
{
	const struct row *row;

	__asm__("imul $96, %1, %0\n\tadd %2, %0"
		: "=&r"(row)
		: "r"(at), "i"((const char *)table - 480));
	return row->cells[0];
}

__attribute__((noinline)) static long
third(long x)
{
#ifdef NEW
	return x * 3 + 1;
#else
	return x * 3;
#endif
}

long
probe(long input)
{
	return first(input) + second((input & 3) + 5) + third(input);
}
