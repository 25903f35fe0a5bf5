// SPDX-License-Identifier: Apache-2.0

// The elements of an array grow, so that an index is multiplied by another kind
// of instruction (24 by `lea` and a scale, 32 by a shift, 40 by both).

#ifdef NEW
enum { MORE = 2 };
#else
enum { MORE = 0 };
#endif

struct entry {
	long first;
	long second[2 + MORE];
};

__attribute__((noinline)) long
look(struct entry *entries, long at, int other)
{
#ifdef NEW
	if (at > 6)
		return 0;
#endif
	return entries[at].first + entries[other].first;
}

static struct entry entries[8];

long
probe(long input)
{
	return look(entries, input & 7, (int)(input >> 3) & 7);
}
