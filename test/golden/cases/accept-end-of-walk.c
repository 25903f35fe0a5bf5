// SPDX-License-Identifier: Apache-2.0

// compiler: clang
// opt: -O2 -O3
// debug: g sym
// Behind the array that is walked over stands another object: clang puts static
// functions and variables in the order in which they are named.

static long rows[40];
static long seen;
static long most;

__attribute__((noinline)) static long
sum(long factor)
{
	long total = 1;

	for (long *p = rows; p < rows + 40; p++)
		total = total * factor + *p;
	return total;
}

__attribute__((noinline)) static long
put(long value)
{
	rows[value & 31] = value;
	seen += value & 1;
	return seen;
}

__attribute__((noinline)) static long
note(long value)
{
	most = value > most ? value : most;
	return most;
}

long
probe(long input)
{
	long before = sum(3);

#ifdef NEW
	return before + note(input) + put(input) + 1;
#else
	return before + put(input) + note(input);
#endif
}
