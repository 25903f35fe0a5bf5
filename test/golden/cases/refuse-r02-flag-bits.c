// SPDX-License-Identifier: Apache-2.0

// Flags of one bit each move by one, and are only tested.

struct flags {
	int level;
	unsigned open : 1;
#ifdef NEW
	unsigned more : 1;
#endif
	unsigned dirty : 1;
	unsigned locked : 1;
};

__attribute__((noinline)) long
rate(const struct flags *flags, long input)
{
	if (flags->dirty)
		return input;
	if (flags->locked)
		return -input;
	return flags->level;
}

static struct flags flags;

long
probe(long input)
{
	return rate(&flags, input);
}
