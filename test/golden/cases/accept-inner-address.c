// SPDX-License-Identifier: Apache-2.0

// debug: g sym
// opt: -O0
// Only code that is replaced names the second element of the table by its
// address; in NEW nobody does. With symbols the table still has all its room.

struct source {
	long count;
	long from[5];
};

static struct source sources[4];
static long visits;

__attribute__((noinline)) static void
visit(long value)
{
	struct source *source = &sources[value & 3];
	source->count += value;
	source->from[value & 1] += visits++;
}

__attribute__((noinline)) static long
count_of(const struct source *source)
{
	return source->count * 5 + source->from[1];
}

__attribute__((noinline)) static long
total(void)
{
#ifdef NEW
	return count_of(&sources[0]) + visits;
#else
	return count_of(&sources[1]) + visits;
#endif
}

long
probe(long input)
{
	visit(input);
	return total();
}
