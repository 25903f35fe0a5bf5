// SPDX-License-Identifier: Apache-2.0

// As refuse-r02-header-of-bytes, but the address is used at once, by an index, and
// so much else changes that the functions do not look alike.

#include <stdlib.h>

struct head {
	long number;
	long kind;
#ifdef NEW
	long more;
#endif
};

static char *record;

void
setup(void)
{
	int *values;

	record = calloc(1, 64);
	values = (int *)(record + 16);
	for (int i = 0; i < 4; i++)
		values[i] = 10 + i;
}

__attribute__((noinline)) int
more_of(int value)
{
	__asm__ volatile("" : "+r"(value));
	return value + 1;
}

__attribute__((noinline)) long
read_at(char *from, int what)
{
	int *values = (int *)(from + sizeof(struct head));

#ifdef NEW
	if (what > 100)
		return 0;
	return more_of(values[0]) + values[what & 3] * 2;
#else
	return more_of(values[0]) + values[what & 3];
#endif
}

long
probe(long input)
{
	return read_at(record, (int)input);
}
