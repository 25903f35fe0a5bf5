// SPDX-License-Identifier: Apache-2.0

// The fix of most advisories: an index is checked before it is used.

static const int table[8] = { 3, 1, 4, 1, 5, 9, 2, 6 };
static const int behind[32] = { 99, 98, 97 };

__attribute__((noinline)) static int
lookup(long i)
{
#ifdef NEW
	if (i < 0 || i >= 8)
		return -1;
#endif
	return i < 8 ? table[i] : behind[i - 8];
}

long
probe(long input)
{
	return lookup(input) + 1000 * input;
}
