// SPDX-License-Identifier: Apache-2.0

// A structure that lives in one frame and is handed on by pointer, also through
// a function that stays and calls back, gains a member in the middle.
// debug: g
// inferred: that nothing else depends on where members stand is seen in the code

struct totals {
	int best;
#ifdef NEW
	long added;
#endif
	int count;
	long sum;
};

static long seen;

__attribute__((noinline)) static void
start(struct totals *totals, long input)
{
	totals->best = (int)(input % 7);
#ifdef NEW
	totals->count = 3;
#else
	totals->count = 1;
#endif
	totals->sum = input + seen++ % 3;
}

__attribute__((noinline)) static long
each(long (*visit)(void *context, long value), void *context, long from)
{
	long (*volatile call)(void *context, long value) = visit;
	long sum = 0;

	for (long i = 0; i < 5; i++)
		sum += call(context, from + i);
	return sum;
}

__attribute__((noinline)) static long
add(void *context, long value)
{
	struct totals *totals = context;

	totals->count++;
	totals->sum += value * 3;
	if (value % 5 > totals->best)
		totals->best = (int)(value % 5);
	return value;
}

long
probe(long input)
{
	struct totals totals;

	start(&totals, input);
	long sum = each(add, &totals, input);
	return sum + totals.best + totals.sum + totals.count * 2L;
}
