// SPDX-License-Identifier: Apache-2.0

// An array of grown elements is asked for: their number times another size.

#include <stdlib.h>

struct entry {
	long first;
	long second[2];
#ifdef NEW
	long third[4];
#endif
};

__attribute__((noinline)) struct entry *
make(long count)
{
#ifdef NEW
	if (count > 1000)
		return NULL;
#endif
	return malloc((size_t)count * sizeof(struct entry));
}

long
probe(long input)
{
	struct entry *entries = make(input & 7);
	long made = entries != NULL;

	free(entries);
	return made;
}
