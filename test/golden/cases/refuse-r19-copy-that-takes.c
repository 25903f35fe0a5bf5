// SPDX-License-Identifier: Apache-2.0

// debug: g
// opt: -O2 -O3 -Os
// Each copy sets the new variable, but what one takes from it is what the other,
// which may have run as OLD, has put there.

static long scale = 3;

static inline __attribute__((always_inline)) long
budget(int set, long x)
{
#ifdef NEW
	static long left;

	if (set)
		left = x;
	else
		left--;
	return x + left * scale;
#else
	return x + scale;
#endif
}

void
setup(void)
{
	scale = budget(1, 1000) > 5 ? 4 : 3;
}

long
probe(long input)
{
	return budget(0, input) * 5;
}
