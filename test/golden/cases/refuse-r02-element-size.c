// SPDX-License-Identifier: Apache-2.0

// The elements of an array that was allocated by n * sizeof grew.
// compiler: gcc

#include <stdlib.h>

struct element {
	long value;
#ifdef NEW
	long other;
#endif
};

static struct element *array;

__attribute__((noinline)) static void
make(long count)
{
	if (!array)
		array = malloc((unsigned long)count * sizeof(*array));
	array[count - 1].value = count;
}

long
probe(long input)
{
	make((input & 15) + 1);
	return array[input & 15].value;
}
