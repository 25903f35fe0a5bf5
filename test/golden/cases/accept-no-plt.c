// SPDX-License-Identifier: Apache-2.0

// cflags: -fno-plt
// Calls go through the GOT; NEW has one slot more.

#include <stdlib.h>
#include <string.h>

long
probe(long input)
{
	char text[32];

	memset(text, 'x', sizeof(text));
	text[input] = '\0';
#ifdef NEW
	text[3] = '5';
	return (long)strlen(text) + atoi(text + 3);
#else
	return (long)strlen(text);
#endif
}
