// SPDX-License-Identifier: Apache-2.0

// One way through a function fills a new table, another reads it by an index: what
// came by the first way before the change filled nothing.
// debug: g
// compiler: clang
// opt: -O2 -O3

#ifdef NEW
static int table[16];
#endif

long
probe(long input)
{
	if (input == 0) {
#ifdef NEW
		for (int i = 0; i < 16; i++)
			table[i] = i * i + 7;
#endif
		return 1;
	}
#ifdef NEW
	return input * 3 + table[input & 15];
#else
	return input * 3;
#endif
}
