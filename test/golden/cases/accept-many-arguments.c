// SPDX-License-Identifier: Apache-2.0

// Arguments in registers, in vector registers and on the stack.

__attribute__((noinline)) static double
mix(long a, long b, long c, long d, long e, long f, long g, double x, double y,
    double z, long h)
{
#ifdef NEW
	return (double)(a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + h) +
	       x * 10 + y * 100 + z * 1000;
#else
	return (double)(a + b + c + d + e + f + g + h) + x + y + z;
#endif
}

long
probe(long input)
{
	return (long)mix(input, 1, 2, 3, 4, 5, 6, (double)input, 1.5, 2.5, 7);
}
