// SPDX-License-Identifier: Apache-2.0

// cflags: -fno-plt
// Calls go through the GOT; NEW has one slot more.

#include <stdlib.h>
#include <string.h>

static const char *const words[] = { "12 apples", "7 pears", "nothing" };

long
probe(long input)
{
	const char *word = words[input % 3];

#ifdef NEW
	return (long)strlen(word) + atoi(word);
#else
	return (long)strlen(word);
#endif
}
