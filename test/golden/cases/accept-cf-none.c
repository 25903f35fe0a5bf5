// SPDX-License-Identifier: Apache-2.0

// cflags: -fcf-protection=none
// No endbr64 anywhere: jumps and PLT stubs are of the old shape.

#include <string.h>

__attribute__((noinline)) static long
length(const char *text)
{
#ifdef NEW
	return (long)strlen(text) * 2;
#else
	return (long)strlen(text);
#endif
}

long
probe(long input)
{
	return length(input & 1 ? "one" : "three") + input;
}
