// SPDX-License-Identifier: Apache-2.0

// ldflags: -Wl,-z,now -Wl,-z,relro
// Full RELRO, as distributions build daemons.

#include <string.h>

long
probe(long input)
{
	char text[32] = "abcdefghijklmnopqrstuvwxyz";

	text[input] = '\0';
#ifdef NEW
	return (long)strlen(text) + (strchr(text, 'c') ? 100 : 0);
#else
	return (long)strlen(text);
#endif
}
