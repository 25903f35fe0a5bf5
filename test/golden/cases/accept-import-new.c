// SPDX-License-Identifier: Apache-2.0

// NEW imports functions of a library that is loaded; they are bound when it is
// applied.

#include <stdlib.h>
#include <string.h>

static const char *const words[] = { "12 apples", "7 pears", "nothing" };

long
probe(long input)
{
	const char *word = words[input % 3];

#ifdef NEW
	return strtol(word, NULL, 10) + atol(word + 1) + (long)strlen(word);
#else
	return (long)strlen(word) * 3;
#endif
}
