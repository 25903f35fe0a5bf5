// SPDX-License-Identifier: Apache-2.0

// kind: exec
// debug: g sym
// A program at a fixed address whose relocations are kept: addresses are numbers in its
// code, of constants that OLD has and of new ones, of functions that stay and of one
// that is new, and of data that go on.

#include <stdlib.h>
#include <string.h>

static long calls;

static int
ascending(const void *x, const void *y)
{
	return *(const int *)x - *(const int *)y;
}

#ifdef NEW
static int
descending(const void *x, const void *y)
{
	return *(const int *)y - *(const int *)x;
}
#endif

__attribute__((noinline)) static long
length_of(const char *text)
{
	return (long)strlen(text);
}

__attribute__((noinline)) static long
order(long input)
{
	int numbers[5] = { 3, (int)input, 7, 1, 9 };

	calls++;
#ifdef NEW
	qsort(numbers, 5, sizeof(*numbers), input & 1 ? descending : ascending);
	return numbers[0] * 100 + length_of("a longer text, which OLD lacks");
#else
	qsort(numbers, 5, sizeof(*numbers), ascending);
	return numbers[0] * 100 + length_of("a text");
#endif
}

long
probe(long input)
{
	return order(input) + calls * 100000;
}
