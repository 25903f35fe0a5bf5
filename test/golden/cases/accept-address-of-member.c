// SPDX-License-Identifier: Apache-2.0

// The address of another member is handed on: types say that none moved.
// debug: g

#include <stdlib.h>

struct thing {
	long number;
	char first[24];
	char second[24];
	long *more;
};

static struct thing *kept;

void
setup(void)
{
	kept = calloc(2, sizeof(*kept));
	for (int i = 0; i < 24; i++) {
		kept->first[i] = (char)i;
		kept->second[i] = (char)(3 * i);
	}
}

__attribute__((noinline)) long
sum_of(const char *text, long count)
{
	long sum = count;

	__asm__ volatile("" : "+r"(text));
	for (long i = 0; i < 24; i++)
		sum += text[i];
	return sum;
}

__attribute__((noinline)) long
add_up(struct thing *thing, long input)
{
#ifdef NEW
	char *text = thing->second;
#else
	char *text = thing->first;
#endif

	return sum_of(text, input) + sum_of(text, 2) + text[input & 15];
}

long
probe(long input)
{
	return add_up(kept, input);
}
