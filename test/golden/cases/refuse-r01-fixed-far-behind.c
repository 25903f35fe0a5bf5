// SPDX-License-Identifier: Apache-2.0

// kind: exec
// compiler: clang
// opt: -O2 -O3 -Os
// debug: g sym
// Only the table and a function beside changed. The one function that reads the table
// names what stands 96,000 bytes in front of it.

static const long before[20000] = { 1, 2, 3 };
#ifdef NEW
static const long table[8] = { 10, 20, 30, 41 };
#else
static const long table[8] = { 10, 20, 30, 40 };
#endif

__attribute__((noinline)) static long
first(long at)
{
	const long *numbers = before;

	__asm__("" : "+r"(numbers));
	return numbers[at & 7];
}

__attribute__((noinline)) static long
second(long at)
{
	return table[at - 12000];
}

__attribute__((noinline)) static long
third(long x)
{
#ifdef NEW
	return x * 3 + 1;
#else
	return x * 3;
#endif
}

long
probe(long input)
{
	return first(input) + second((input & 3) + 12000) + third(input);
}
