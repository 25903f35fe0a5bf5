// SPDX-License-Identifier: Apache-2.0

// The compiler splits the function: part of it stands in .text.unlikely.

#include <stdlib.h>

static long errors;

__attribute__((cold, noinline)) static void
complain(long value)
{
	errors += value;
}

__attribute__((noinline)) static long
work(long value)
{
	if (__builtin_expect(value > 15, 0)) {
		complain(value);
#ifdef NEW
		complain(1);
		return -errors;
#else
		return errors;
#endif
	}
#ifdef NEW
	return value * 3 + 1;
#else
	return value * 3;
#endif
}

long
probe(long input)
{
	errors = 0;
	return work(input);
}
