// SPDX-License-Identifier: Apache-2.0

// A header of which only the size is asked for grows, in front of what a pointer
// to bytes leads to. The address behind it is computed once and kept over calls;
// no type of debug information has it.

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

__attribute__((noinline)) int
sum_of(int a, int b)
{
	__asm__ volatile("" : "+r"(a), "+r"(b));
	return a + b;
}

__attribute__((noinline)) long
read_at(char *from, int what)
{
	int *values;

	from += sizeof(struct head);
	values = (int *)from;
	switch (what) {
	case 0:
		return more_of(values[0]) + 1;
	case 1:
		return more_of(values[1]) * 3;
	case 2:
		return sum_of(values[2], 4);
	case 3:
		return more_of(values[3] ^ 5);
	case 4:
		return sum_of(values[0], values[3]);
	case 5:
		return more_of(values[2]) - more_of(values[1]);
	}
#ifdef NEW
	return -2;
#else
	return -1;
#endif
}

long
probe(long input)
{
	return read_at(record, (int)(input % 7));
}
