// SPDX-License-Identifier: Apache-2.0

// kind: so
// An exported constant: who reads it through the GOT goes on reading OLD's.

#ifdef NEW
const long table[4] = { 1, 2, 30, 4 };
#else
const long table[4] = { 1, 2, 3, 4 };
#endif
long
probe(long input)
{
	return table[input & 3];
}
