// SPDX-License-Identifier: Apache-2.0

// cflags: -ffast-math
// Loops that the compiler may turn into vector code with constants in memory.

__attribute__((noinline)) static long
fold(const int *values, long count)
{
	long total = 0;

	for (long i = 0; i < count; i++)
#ifdef NEW
		total += values[i] * 5 + 3;
#else
		total += values[i] * 3 + 1;
#endif
	return total;
}

long
probe(long input)
{
	int values[32];

	for (int i = 0; i < 32; i++)
		values[i] = i * (int)input;
	return fold(values, input);
}
