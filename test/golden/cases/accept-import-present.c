// SPDX-License-Identifier: Apache-2.0

// NEW calls a function that OLD imports too.

#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static long
measure(const char *text)
{
#ifdef NEW
	if (atol(text))
		return -1;
#endif
	return (long)strlen(text) + text[0];
}

long
probe(long input)
{
	static const char *const words[] = { "alpha", "7 xyz", "gamma" };

	if (input == 77)
		return atol(words[0]);
	return measure(words[input % 3]);
}
