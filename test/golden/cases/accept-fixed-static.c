// SPDX-License-Identifier: Apache-2.0

// kind: exec-static
// opt: -O2 -O3 -Os
// debug: g sym
// All of the C library stands in the program, and the addresses in both are numbers.

static long calls;

__attribute__((noinline)) static long
twice(long input)
{
	return input * 2 + calls;
}

__attribute__((noinline)) static long
thrice(long input)
{
	return input * 3 + calls;
}

__attribute__((noinline)) static long
go_by(long (*way)(long), long input)
{
	__asm__("" : "+r"(way));
	return way(input);
}

__attribute__((noinline)) static long
order(long input)
{
	calls++;
#ifdef NEW
	return go_by(thrice, input) * 100 + go_by(twice, 1);
#else
	return go_by(twice, input) * 100 + go_by(thrice, 1);
#endif
}

long
probe(long input)
{
	return order(input) + calls * 100000;
}
