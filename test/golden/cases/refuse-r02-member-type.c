// SPDX-License-Identifier: Apache-2.0

// debug: g
// A member changes its type, not its size.

#include <stdlib.h>

struct item {
	long id;
#ifdef NEW
	double value;
#else
	long value;
#endif
};

struct item *kept;

void
setup(void)
{
	kept = calloc(1, sizeof(*kept));
	kept->value = 2;
}

long
probe(long input)
{
	kept->value += input;
	return (long)kept->value + kept->id;
}
