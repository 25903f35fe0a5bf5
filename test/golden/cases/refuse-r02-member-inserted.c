// SPDX-License-Identifier: Apache-2.0

// A member is put into a structure that lives across calls.

#include <stdlib.h>

struct item {
	long id;
#ifdef NEW
	long checked;
#endif
	long value;
	long weight;
};

struct item *kept;

void
setup(void)
{
	kept = calloc(1, sizeof(*kept));
	kept->id = 1;
	kept->value = 2;
	kept->weight = 3;
}

__attribute__((noinline)) static long
read_item(const struct item *item, long factor)
{
	return item->value * factor + item->weight;
}

long
probe(long input)
{
	kept->value += input;
	return read_item(kept, input) + kept->id;
}
