// SPDX-License-Identifier: Apache-2.0

// The new import is an IFUNC of the C library, and nobody in the process has
// asked for it yet: only the library itself knows which one was chosen.

#include <stdlib.h>
#include <string.h>

static const char *const texts[] = { "plain", "two words", "three; parts, here",
				     "" };

__attribute__((noinline)) static long
work(long value)
{
	const char *text = texts[value & 3];
#ifdef NEW
	return (long)strcspn(text, " ;,") * 100 + value + atol(text);
#else
	return (long)text[0] + value + atol(text);
#endif
}

long
probe(long input)
{
	return work(input);
}
