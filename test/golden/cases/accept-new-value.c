// SPDX-License-Identifier: Apache-2.0

// compiler: gcc
// debug: strip
// cflags: -fno-toplevel-reorder
// NEW has a static variable that OLD does not have, in front of all others: those
// moved on, and unchanged code says so of each.

#ifdef NEW
static long most;
#endif
static long calls = 0;
static long table[8];

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
	if (rated > most)
		most = rated;
	return rated + 1 + (most > 1000000000);
#else
	return rated;
#endif
}

long
probe(long input)
{
	count(input);
	return remember(input) + rate(input);
}
