// SPDX-License-Identifier: Apache-2.0

// Memory is asked for at a multiple of 64, and the low bits of its address count as
// zero: memory that exists stands anywhere.

#include <stdint.h>
#include <stdlib.h>

static unsigned char *bytes;

__attribute__((noinline)) static unsigned char *
begin(void)
{
#ifdef NEW
	unsigned char *made = aligned_alloc(64, 128);
#else
	unsigned char *made = malloc(128);
#endif

	if (made)
		made[3] = 7;
	return made;
}

long
probe(long input)
{
	if (!bytes && !(bytes = begin()))
		return -1;
#ifdef NEW
	if (input == 5)
		return -2;
	return *(unsigned char *)((uintptr_t)bytes | 3) + input;
#else
	return bytes[3] + input;
#endif
}
