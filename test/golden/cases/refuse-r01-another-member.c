// SPDX-License-Identifier: Apache-2.0

// Nothing but the address that a function hands on differs: another member of
// the same object. Nobody else names the two, so no observer contradicts; that
// it left its place between its neighbours shows that it is not the same; but in a
// stripped build nobody says what it is. Taken for the same, the hotpatch would
// fill what OLD filled.
// debug: strip
// opt: -O2 -O3 -Os

#include <stdio.h>

static struct {
	long n;
	char first[40];
	char second[40];
} names;

#ifdef NEW
#define NAME names.second
#else
#define NAME names.first
#endif

__attribute__((noinline)) static long
fill(long input)
{
	names.n += 1;
	return snprintf(NAME, 40, "%ld", input);
}

long
probe(long input)
{
	return fill(input) + names.n * 0;
}
