// SPDX-License-Identifier: Apache-2.0

// Floating-point constants stand in .rodata and are compared by content.

__attribute__((noinline)) static double
scale(double value)
{
#ifdef NEW
	return value * 2.718281828 + 0.25;
#else
	return value * 3.141592653 + 0.25;
#endif
}

long
probe(long input)
{
	return (long)(scale((double)input) * 1000000.0);
}
