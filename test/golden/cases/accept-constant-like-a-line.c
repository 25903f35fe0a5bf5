// SPDX-License-Identifier: Apache-2.0

// A limit that grew looks like the line of an assertion that moved. It is carried.

__attribute__((noinline)) static long
check(long input, int limit)
{
	__asm__("");
	return input > limit ? limit : input;
}

long
probe(long input)
{
#ifdef NEW
	return check(input + 190, 210);
#else
	return check(input + 190, 200);
#endif
}
