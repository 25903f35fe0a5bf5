// SPDX-License-Identifier: Apache-2.0

// Nothing but the address that a function hands on differs: another member of
// the same object. Nobody else names the two, so no observer contradicts; that
// it left its place between its neighbours shows the change, and a symbol which
// object it is.
// debug: g sym
// opt: -O2 -O3 -Os
// same: what it writes is never read

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
