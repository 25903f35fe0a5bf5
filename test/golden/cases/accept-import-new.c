// SPDX-License-Identifier: Apache-2.0

// NEW imports functions of a library that is loaded.

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

long
probe(long input)
{
	char text[16] = "a=12;b=34";

	text[input % 9] = '7';
#ifdef NEW
	return strtol(text + 2, NULL, 10) + atol(text + 7);
#else
	return (long)strlen(text) + text[2];
#endif
}
