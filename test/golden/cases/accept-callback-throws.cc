// SPDX-License-Identifier: Apache-2.0

// A callback throws through functions of the C library, and through carried code
// that calls them and has no landing pad: only its unwind tables let the exception
// reach who catches it.
// opt: -O2 -O3 -Os

#include <search.h>

static int
by_value(const void *a, const void *b)
{
	long x = *(const long *)a;
	long y = *(const long *)b;

	return (x > y) - (x < y);
}

static void
visits(const void *node, VISIT which, void *sum)
{
	long value = **(const long *const *)node;

	if (which != postorder && which != leaf)
		return;
	if (value % 3 == 2)
		throw value;
	*(long *)sum += value;
}

__attribute__((noinline)) static long
walks(void *root)
{
	long sum = 0;

	twalk_r(root, visits, &sum);
#ifdef NEW
	return sum * 3;
#else
	return sum * 2;
#endif
}

extern "C" long
probe(long input)
{
	long value = input;
	void *root = nullptr;
	long sum;

	tsearch(&value, &root, by_value);
	try {
		sum = walks(root);
	} catch (long thrown) {
		sum = thrown * 100000;
	}
	tdelete(&value, &root, by_value);
	return sum;
}
