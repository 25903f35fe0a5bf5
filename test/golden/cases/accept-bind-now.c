// SPDX-License-Identifier: Apache-2.0

// ldflags: -Wl,-z,now -Wl,-z,relro
// Full RELRO, as distributions build daemons.

#include <stdlib.h>
#include <string.h>

static const char *const words[] = { "12 apples", "7 pears", "nothing" };

long
probe(long input)
{
	const char *word = words[input % 3];

#ifdef NEW
	return (long)strlen(word) + atoi(word) + 100;
#else
	return (long)strlen(word);
#endif
}
