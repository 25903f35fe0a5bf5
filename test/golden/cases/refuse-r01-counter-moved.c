// SPDX-License-Identifier: Apache-2.0

// compiler: gcc
// debug: strip
// cflags: -fno-toplevel-reorder
// A counter stands elsewhere and is used otherwise, by the function that changed
// alone: it looks like one that went and another that came, and its value counts.

#ifdef NEW
static long kept;
#endif
static long calls;
static long table[8];
#ifndef NEW
static long kept;
#endif

__attribute__((noinline)) static void
count(long input)
{
	calls += input & 3;
}

__attribute__((noinline)) static long
remember(long input)
{
	table[input & 7] += input + calls;
	return table[(input + 1) & 7];
}

__attribute__((noinline)) static long
rate(long input)
{
	long rated = input * 7 + 3;

#ifdef NEW
	if (rated > kept)
		kept = rated;
	return rated + (kept > 1000000000);
#else
	kept ^= rated;
	return kept;
#endif
}

long
probe(long input)
{
	count(input);
	return remember(input) + rate(input);
}
