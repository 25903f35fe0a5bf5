// SPDX-License-Identifier: Apache-2.0

// libc calls back into changed code.

#include <stdlib.h>

__attribute__((noinline)) static int
order(const void *a, const void *b)
{
	int x = *(const int *)a;
	int y = *(const int *)b;

#ifdef NEW
	return (y > x) - (y < x);
#else
	return (x > y) - (x < y);
#endif
}

long
probe(long input)
{
	int values[5] = { (int)input, 3, 17, 9, 1 };

	qsort(values, 5, sizeof(int), order);
	return values[0] * 100 + values[4];
}
