// SPDX-License-Identifier: Apache-2.0

// A structure that only a cast names gets a member in front; the function that
// reads it is rewritten, so that its code alone does not show the movement.
// debug: g

#include <stdlib.h>

struct inner {
#ifdef NEW
	long added;
#endif
	long first;
	long second;
};

struct outer {
	long number;
	void *data;
};

struct outer *kept;

void
setup(void)
{
	long *made = calloc(4, sizeof(*made));

	made[0] = 3;
	made[1] = 4;
	kept = calloc(1, sizeof(*kept));
	kept->data = made;
}

__attribute__((noinline)) static long
read_inner(long factor)
{
#ifdef NEW
	return ((struct inner *)kept->data)->second * (factor + 3);
#else
	return ((struct inner *)kept->data)->second * factor;
#endif
}

long
probe(long input)
{
	return read_inner(input);
}
