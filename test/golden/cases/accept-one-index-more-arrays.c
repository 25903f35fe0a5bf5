// SPDX-License-Identifier: Apache-2.0

// One index walks two arrays of different elements, and NEW walks one of them no
// longer and a third one instead: no element changed its size.
// debug: g sym

struct wide {
	long first, second;
};

static struct wide wide[16];
static int narrow[16] = { 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5 };
static long limits[16] = { 7, 7, 7, 7 };

static struct wide *wide_at = wide;
static int *narrow_at = narrow;
static long *limits_at = limits;

long
probe(long input)
{
	long all = 0;

	for (long i = 0; i < 16; i++) {
		wide_at[i].first += input;
#ifdef NEW
		if (wide_at[i].first > limits_at[i])
			all += limits_at[i];
#else
		all += narrow_at[i];
#endif
	}
	return all + wide_at[input & 15].first + narrow_at[input & 15] +
	       limits_at[input & 15];
}
