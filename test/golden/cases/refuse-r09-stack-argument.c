// SPDX-License-Identifier: Apache-2.0

// An argument more, on the stack: a caller that stays does not push it.

#ifdef NEW
#define MORE , long seventh
#define USE  *seventh
#else
#define MORE
#define USE
#endif

__attribute__((noinline)) long
mix(long a, long b, long c, long d, long e, long f MORE)
{
	return (a * b + c * d + e * f) USE;
}

static long (*volatile caller)() = (long (*)())mix;

long
probe(long input)
{
	return caller(input, 1L, 2L, 3L, 4L, 5L, 6L);
}
