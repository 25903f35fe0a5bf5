// SPDX-License-Identifier: Apache-2.0

// A string is longer, and one is new.

#include <string.h>

long
probe(long input)
{
#ifdef NEW
	const char *text = input & 1 ? "an odd number" : "not an odd one";
#else
	const char *text = input & 1 ? "odd" : "even";
#endif
	return (long)strlen(text) * 256 + text[input % 3];
}
