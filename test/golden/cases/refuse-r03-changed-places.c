// SPDX-License-Identifier: Apache-2.0

// compiler: gcc
// cflags: -fno-toplevel-reorder
// Functions and the objects that they name stand in another order, and one of them
// has grown.

#ifdef NEW
#define COUNT 9
#else
#define COUNT 8
#endif
#define LEFT                                                                   \
	static long left[COUNT] = { 1 };                                       \
	__attribute__((noinline)) static long from_left(long i)                \
	{                                                                      \
		return left[i % COUNT]++ * 3;                                  \
	}
#define RIGHT                                                                  \
	static long right[16] = { 2 };                                         \
	__attribute__((noinline)) static long from_right(long i)               \
	{                                                                      \
		right[i & 15] ^= i;                                            \
		return right[(i + 1) & 15];                                    \
	}

#ifdef NEW
RIGHT
LEFT
#else
LEFT RIGHT
#endif

	long
	probe(long input)
{
	return from_left(input & 1023) * 5 + from_right(input);
}
