// SPDX-License-Identifier: Apache-2.0

// kind: exec
// opt: -O2 -O0
// debug: g sym
// ldflags: -Wl,-Ttext-segment=0x400000 -Wl,--section-start=.rows=0x500000
// A variable that stays holds the address of an object as a number, beside one that has
// its relocation, as if that of the first had been dropped.

__attribute__((section(".rows"), used)) static long rows[4] = { 1, 2, 3, 4 };
static long *volatile places[2] = { (long *)0x500008, rows };

__attribute__((noinline)) static long
row(long at)
{
	return *places[at & 1];
}

long
probe(long input)
{
#ifdef NEW
	return row(input) + 3;
#else
	return row(input) + 2;
#endif
}
