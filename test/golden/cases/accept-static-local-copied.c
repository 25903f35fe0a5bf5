// SPDX-License-Identifier: Apache-2.0

// debug: g
// A new static variable of a function of which two others hold a copy. Each copy
// sets it by itself, so that it is as that of a function that is called by two.

static inline __attribute__((always_inline)) long
most(long x)
{
#ifdef NEW
	static long high;

	if (x > high)
		high = x;
	return x + (high > 1000000) + 1;
#else
	return x;
#endif
}

long
other(long input)
{
	return most(input * 3) - 4;
}

long
probe(long input)
{
	return most(input) * 5 + other(input);
}
