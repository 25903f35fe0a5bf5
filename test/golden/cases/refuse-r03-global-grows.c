// SPDX-License-Identifier: Apache-2.0

// A global array has more elements.

#ifdef NEW
enum { COUNT = 16 };
#else
enum { COUNT = 8 };
#endif

long table[COUNT] = { 1, 2, 3 };

long
probe(long input)
{
	table[input % COUNT] += input;
	return table[(input + 1) % COUNT] + COUNT;
}
