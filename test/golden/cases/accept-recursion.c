// SPDX-License-Identifier: Apache-2.0

// A changed function calls itself.

__attribute__((noinline)) long
depth(long value)
{
#ifdef NEW
	if (value <= 1)
		return 2;
#else
	if (value <= 0)
		return 1;
#endif
	return depth(value - 1) + depth(value - 2);
}

long
probe(long input)
{
	return depth(input % 12);
}
