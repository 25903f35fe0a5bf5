// SPDX-License-Identifier: Apache-2.0

// debug: g
// opt: -O2 -O3 -Os
// What is left of one copy sets the new variable, and what is left of the other
// reads it: the first one may have run as OLD.

static long scale = 3;

static inline __attribute__((always_inline)) long
limit(int set, long x)
{
#ifdef NEW
	static long high;

	if (set)
		high = x;
	return x + high * scale;
#else
	return x + scale;
#endif
}

void
setup(void)
{
	scale = limit(1, 4);
}

long
probe(long input)
{
	return limit(0, input) * 5;
}
