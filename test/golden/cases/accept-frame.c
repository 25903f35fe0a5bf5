// SPDX-License-Identifier: Apache-2.0

// The stack frame of a changed function grows.

#include <string.h>

__attribute__((noinline)) static long
scratch(long value)
{
#ifdef NEW
	volatile char buf[512];
#else
	volatile char buf[16];
#endif

	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(value + i);
	return buf[sizeof(buf) - 1];
}

long
probe(long input)
{
	return scratch(input);
}
