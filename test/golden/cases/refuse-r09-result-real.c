// SPDX-License-Identifier: Apache-2.0

// The result becomes floating point: it comes back in another register.

#ifdef NEW
typedef double result;
#else
typedef long result;
#endif

__attribute__((noinline)) result
scale(long a, long b)
{
	if (a > 4)
		return 7;
	return a * b + 5;
}

static result (*volatile caller)(long, long) = scale;

long
probe(long input)
{
	return caller(input, 2);
}
