// SPDX-License-Identifier: Apache-2.0

// compiler: gcc
// debug: strip
// opt: -O2 -O3
// cflags: -fno-toplevel-reorder
// Functions stand in another order, and one names another element of an array: no
// object that changed its place.

static long left[16] = { 1 };

__attribute__((noinline)) static long
get(long i)
{
	return left[i & 7] * 3;
}

#ifdef NEW
#define ELEMENT 7
__attribute__((noinline)) static long
bump(long v)
{
	left[ELEMENT] += v * 5;
	return v - 3;
}
#endif

__attribute__((noinline)) static long
fifth(long i)
{
	return left[5] - i;
}

#ifndef NEW
#define ELEMENT 3
__attribute__((noinline)) static long
bump(long v)
{
	left[ELEMENT] += v * 5;
	return v - 3;
}
#endif

__attribute__((noinline)) static long
other(long i)
{
	return i * 77;
}

long
probe(long input)
{
	return get(input) + bump(input) + fifth(input) + other(input);
}
