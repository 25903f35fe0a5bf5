// SPDX-License-Identifier: Apache-2.0

// The program's own allocator keeps a length in front of each object. Those that
// OLD made have none where NEW looks for it.

#include <stdlib.h>

#ifdef NEW
#define PLACE (-2)
#else
#define PLACE (-1)
#endif

long *volatile kept;

__attribute__((noinline, noclone)) static long *
get(long len)
{
	long *head = calloc(1, 16 + (unsigned long)len * sizeof(long));

	if (!head)
		return head;
	head += 2;
	head[PLACE] = len;
	return head;
}

__attribute__((noinline, noclone)) static long
length_of(const long *object)
{
	return object[PLACE];
}

void
setup(void)
{
	kept = get(5);
}

long
probe(long input)
{
	return length_of(kept) + input;
}
