// SPDX-License-Identifier: Apache-2.0

// ldflags: -Wl,-z,now -Wl,-z,relro
// Full RELRO, as distributions build daemons.

#include <stdlib.h>
#include <string.h>

long
probe(long input)
{
	char text[32] = "abcdefghijklmnopqrstuvwxyz";

	text[input] = '\0';
	text[3] = '7';
#ifdef NEW
	return (long)strlen(text) + atoi(text + 3) + 100;
#else
	return (long)strlen(text);
#endif
}
