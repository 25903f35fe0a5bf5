// SPDX-License-Identifier: Apache-2.0

// debug: strip
// opt: -O2 -Os
// Only the changed function touches the two objects, and it is rewritten: no
// evidence says which is which.

#ifdef NEW
static long second[4];
static long first[4];
#else
static long first[4];
static long second[4];
#endif

long
probe(long input)
{
#ifdef NEW
	for (long i = 0; i < 4; i++)
		second[i] = second[i] * 2 + first[3 - i] - input;
	first[input & 3] ^= second[1];
	return first[2] + second[0];
#else
	first[input & 3] += input;
	second[(input + 1) & 3] -= first[0];
	return first[input & 3] * second[0];
#endif
}
