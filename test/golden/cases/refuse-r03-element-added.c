// SPDX-License-Identifier: Apache-2.0

// compiler: gcc
// debug: strip
// cflags: -fno-toplevel-reorder
// An array grew by an element that one function names by itself: it looks like a
// new variable behind the array, but unchanged code comes to it, too.

#ifdef NEW
static long hits[9];
#else
static long hits[8];
#endif
static long calls;
static long table[8];

__attribute__((noinline)) static void
count(long input)
{
	calls += input & 3;
	hits[input] += calls;
}

__attribute__((noinline)) static long
remember(long input)
{
	table[input & 7] += input + calls;
	return table[(input + 1) & 7] + hits[input];
}

__attribute__((noinline)) static long
rate(long input)
{
	long rated = input * 7 + 3;

#ifdef NEW
	if (rated > hits[8])
		hits[8] = rated;
	return rated + (hits[8] > 1000000000);
#else
	return rated;
#endif
}

long
probe(long input)
{
	count(input & 7);
	return remember(input & 7) + rate(input);
}
