// SPDX-License-Identifier: Apache-2.0

// kind: exec
// opt: -O2 -O0
// debug: g sym
// ldflags: -Wl,-Ttext-segment=0x400000 -Wl,--section-start=.rows=0x500000
// A function that stays names an object by a number, as if a single relocation of it had
// been dropped: what else of it is an address nobody knows.

__attribute__((section(".rows"), used)) static long rows[4] = { 1, 2, 3, 4 };

__attribute__((noinline)) static long
row(long at)
{
	return ((volatile long *)0x500008)[at & 1];
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
