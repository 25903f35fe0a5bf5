// SPDX-License-Identifier: Apache-2.0

// Two functions trade the places of a table that is filled while the program runs.
// opt: -O0 -O2 -O3 -Os
// compiler: gcc
// debug: g sym

static long first_calls;
static long second_calls;

static long
first(long input)
{
	return input + ++first_calls;
}

static long
second(long input)
{
	return input * 2 + ++second_calls;
}

#ifdef NEW
enum { FIRST = 1, SECOND = 0 };
#else
enum { FIRST = 0, SECOND = 1 };
#endif

static long (*table[2])(long);

__attribute__((noinline)) static void
fill(void)
{
	table[FIRST] = first;
	table[SECOND] = second;
}

long
probe(long input)
{
	if (!table[0])
		fill();
	return table[FIRST](input) - table[SECOND](input + 1);
}
