// SPDX-License-Identifier: Apache-2.0

// kind: so
// cflags: -mcmodel=medium
// opt: -O2 -O3 -Os
// The variables are large, so code reckons from the GOT where they are. They traded
// places, and one that stays as it is in form reaches the other.

#ifdef NEW
static long second[10000];
static long first[10000];
#else
static long first[10000];
static long second[10000];
#endif

__attribute__((noinline)) static long
count_first(long at)
{
	return first[at & 0xff] += 3;
}

__attribute__((noinline)) static long
count_second(long at)
{
	return second[at & 0xff] -= 5;
}

long
probe(long input)
{
#ifdef NEW
	return count_first(input) + count_second(input) * 3;
#else
	return count_first(input) + count_second(input) * 2;
#endif
}
