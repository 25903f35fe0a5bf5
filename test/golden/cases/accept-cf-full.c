// SPDX-License-Identifier: Apache-2.0

// cflags: -fcf-protection=full
// ldflags: -Wl,-z,ibtplt
// endbr64 at each entry, and a second PLT.

#include <string.h>

__attribute__((noinline)) long
length(const char *text)
{
#ifdef NEW
	return (long)strlen(text) * 2 + text[0];
#else
	return (long)strlen(text) + text[0];
#endif
}

long
probe(long input)
{
	return length(input & 1 ? "one" : "three") + input;
}
