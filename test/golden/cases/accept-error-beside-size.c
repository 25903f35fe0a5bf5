// SPDX-License-Identifier: Apache-2.0

// A function returns another code of an error, where its callers allocate by what it
// returns if that is none.

#include <stdlib.h>

#ifdef NEW
#define FAILED (-3)
#else
#define FAILED (-2)
#endif

__attribute__((noinline, noclone)) static int
room(long input)
{
	__asm__ volatile("" ::: "memory");
	if (input & 1)
		return FAILED;
	return 64;
}

__attribute__((noinline, noclone)) static long
make(long input)
{
	int size = room(input);

	if (size < 0)
		return size;
	char *made = malloc((size_t)size);
	made[0] = (char)input;
	long sum = made[0];
	free(made);
	return sum;
}

long
probe(long input)
{
	return make(input);
}
