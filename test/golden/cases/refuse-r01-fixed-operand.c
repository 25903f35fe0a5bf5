// SPDX-License-Identifier: Apache-2.0

// kind: exec
// opt: -O2 -Os
// debug: g sym
// The address of the table is part of an operand, `table(,%rax,8)`: what the index leads
// to from there is not known, and so the code is not carried.

static long table[16];

long
probe(long input)
{
	long *place = &table[input & 15];

#ifdef NEW
	*place += 3;
#else
	*place += 2;
#endif
	return *place + table[(input + 1) & 15];
}
