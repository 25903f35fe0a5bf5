// SPDX-License-Identifier: Apache-2.0

// Several static variables, of which some are touched by unchanged code too.

static long total;
static long count;
static long seen[32];

__attribute__((noinline)) static void
note(long value)
{
	seen[value & 31]++;
	total += value;
	count++;
}

__attribute__((noinline)) static long
mean(void)
{
	return count ? total * 100 / count : 0;
}

__attribute__((noinline)) static long
answer(long value)
{
#ifdef NEW
	if (value > 20)
		return mean();
	return mean() * 2 + seen[value & 31] + count;
#else
	return mean() + seen[value & 31];
#endif
}

long
probe(long input)
{
	note(input);
	return answer(input);
}
