// SPDX-License-Identifier: Apache-2.0

// Rows of a table say something else where they stood, and one comes at its end;
// who kept the number of a row reads the same row.

static long mode;
static long calls;

static const char *const names[] = {
	"idle",
#ifdef NEW
	"working",
#else
	"wrking",
#endif
	"done",
};

static const int weights[] = {
#ifdef NEW
	5,
	9,
	8,
	13,
#else
	5,
	7,
	8,
#endif
};

__attribute__((noinline)) static void
choose(long number)
{
	mode = number % 3;
}

__attribute__((noinline)) static long
weight(void)
{
	return weights[mode] + names[mode][2];
}

long
probe(long input)
{
	choose(input);
	return weight() * input + ++calls;
}
