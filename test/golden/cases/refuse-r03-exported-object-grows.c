// SPDX-License-Identifier: Apache-2.0

// kind: so
// Programs may have a copy of it, as large as it was.

#ifdef NEW
long limits[6] = { 1, 2, 3, 4, 5, 6 };
#else
long limits[4] = { 1, 2, 3, 4 };
#endif

long
probe(long input)
{
	return limits[input & 3];
}
