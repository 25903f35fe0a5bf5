// SPDX-License-Identifier: Apache-2.0

// A helper says how large an object is, by a table of which a row changed.

#include <stdlib.h>

#ifdef NEW
#define SECOND 40
#else
#define SECOND 24
#endif

static const unsigned short rooms[8] = { 16, SECOND, 48, 64, 80, 96, 112, 128 };
static char *kept;
static long kind;

__attribute__((noinline, noclone)) static size_t
room_of(long input)
{
	return rooms[input & 7];
}

__attribute__((noinline)) static void
make(long input)
{
	kind = input;
	kept = malloc(room_of(input));
}

long
probe(long input)
{
	if (!kept)
		make(input);
	return kept ? ++kept[room_of(kind) - 1] : -1;
}
