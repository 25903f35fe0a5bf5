// SPDX-License-Identifier: Apache-2.0

// The alignment of a structure is raised, which moves nothing; but vectors of it
// are then taken as if each object were at a multiple of 32.
// opt: -O3
// compiler: gcc

#include <stdlib.h>

struct samples {
	float value[8];
	long count[4];
}
#ifdef NEW
__attribute__((aligned(32)))
#endif
;

struct samples *kept;

void
setup(void)
{
	char *block = malloc(sizeof(*kept) + 8);

	kept = (struct samples *)(block + 8);
	for (int i = 0; i < 8; i++)
		kept->value[i] = (float)i;
}

__attribute__((noinline)) static float
scale(struct samples *samples, float by)
{
#ifdef NEW
	if (by < 0)
		by = -by;
#endif
	for (int i = 0; i < 8; i++)
		samples->value[i] *= by;
	return samples->value[3];
}

long
probe(long input)
{
	return (long)scale(kept, (float)input);
}
