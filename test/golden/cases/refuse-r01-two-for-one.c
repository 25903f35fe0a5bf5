// SPDX-License-Identifier: Apache-2.0

// debug: g sym
// An accessor, whose code does not change, is given a variable of its own; changed
// code goes on with the one that it had. Both would be one variable of OLD.

static long seen;
#ifdef NEW
static long other;
#define MINE other
#else
#define MINE seen
#endif

__attribute__((noinline)) static long
next(void)
{
	return MINE++;
}

__attribute__((noinline)) static long
step(long input)
{
#ifdef NEW
	if (input > 3)
		seen += 10;
#endif
	seen += input;
	return seen * 100 + next();
}

long
probe(long input)
{
	return step(input);
}
