// SPDX-License-Identifier: Apache-2.0

// Functions end in a jump to another one.

__attribute__((noinline)) static long
last(long a, long b)
{
	return a * 10 + b;
}

__attribute__((noinline)) static long
middle(long a, long b)
{
#ifdef NEW
	if (a > 5)
		return last(b, a);
#endif
	return last(a + 1, b);
}

long
probe(long input)
{
	return middle(input, 3);
}
