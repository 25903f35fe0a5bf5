// SPDX-License-Identifier: Apache-2.0

// debug: strip
// An accessor is given a variable of its own. Without symbols its code shows that
// to be OLD's, and the one that changed code goes on with looks new: its state would
// be lost.

static long seen;
#ifdef NEW
static long other;
#define MINE other
#else
#define MINE seen
#endif

__attribute__((noinline)) long
next(void)
{
	return MINE++;
}

long
probe(long input)
{
#ifdef NEW
	if (input > 3)
		seen += 10;
#endif
	seen += 2;
	return input + next();
}
