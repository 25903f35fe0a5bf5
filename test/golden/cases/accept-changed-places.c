// SPDX-License-Identifier: Apache-2.0

// compiler: gcc
// cflags: -fno-toplevel-reorder
// Functions and the objects that they name stand in another order.

#define LEFT                                                                   \
	static long left[8] = { 1 };                                           \
	__attribute__((noinline)) static long from_left(long i)                \
	{                                                                      \
		return left[i & 7]++ * 3;                                      \
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

	__attribute__((noinline)) static long
	both(long i)
{
#ifdef NEW
	return from_left(i) * 5 + from_right(i) + 1;
#else
	return from_left(i) * 5 + from_right(i);
#endif
}

long
probe(long input)
{
	return both(input) + both(input + 3);
}
