// SPDX-License-Identifier: Apache-2.0

// A renumbered constant is returned to a function that stores it.
// compiler: gcc
// opt: -O0

#ifdef NEW
enum { SMALL = 9, LARGE = 6 };
#else
enum { SMALL = 6, LARGE = 9 };
#endif

extern int
putchar(int c);

static int kind[16];

__attribute__((noinline)) int
classify(long input)
{
	if (input < 1000)
		return SMALL;
	putchar('\n');
	return LARGE;
}

__attribute__((noinline)) static void
keep(long input)
{
	kind[input & 15] = classify(input);
}

long
probe(long input)
{
	if (input < 12)
		keep(input);
	return kind[input & 15] == SMALL;
}
