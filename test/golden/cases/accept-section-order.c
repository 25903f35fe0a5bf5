// SPDX-License-Identifier: Apache-2.0

// cflags: -ffunction-sections -fdata-sections
// Each function and object in a section of its own.

static int limits[4] = { 4, 8, 15, 16 };
static long memory;

__attribute__((noinline)) static long
limit(long i)
{
	return limits[i & 3];
}

__attribute__((noinline)) static long
remember(long value)
{
	memory += value & 1;
#ifdef NEW
	return memory * 100 + limit(value) * 2;
#else
	return memory * 100 + limit(value);
#endif
}

long
probe(long input)
{
	return remember(input);
}
