// SPDX-License-Identifier: Apache-2.0

// How large an object is stands in a table, and a row of it changed.

#include <stdlib.h>

#ifdef NEW
#define SECOND 40
#else
#define SECOND 24
#endif

static const unsigned short rooms[8] = { 16, SECOND, 48, 64, 80, 96, 112, 128 };
static char *kept;
static long kind;

__attribute__((noinline)) static void
make(long input)
{
	kind = input & 7;
	kept = malloc(rooms[kind]);
}

long
probe(long input)
{
	if (!kept)
		make(input);
	return kept ? ++kept[rooms[kind] - 1] : -1;
}
