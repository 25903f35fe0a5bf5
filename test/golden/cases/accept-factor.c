// SPDX-License-Identifier: Apache-2.0

// Numbers are multiplied by others, and an array is walked another way: nothing
// shows that its elements changed.

struct entry {
	long first, second, third;
};

__attribute__((noinline)) static unsigned long
hash(const unsigned char *text, long length)
{
	unsigned long all = 5;

	for (long i = 0; i < length; i++)
#ifdef NEW
		all = all * 33 + text[i];
#else
		all = all * 31 + text[i];
#endif
	return all % 1009;
}

__attribute__((noinline)) static long
sum(struct entry *entries, long at, long count)
{
#ifdef NEW
	if (count > 5)
		count = 5;
	if (at >= count)
		return entries[at].third - 1;
#endif
	return entries[at].second + entries[at ^ 1].first * count;
}

static struct entry entries[8] = { { 1, 2, 3 }, { 4, 5, 6 } };

long
probe(long input)
{
	return (long)hash((const unsigned char *)"horizon", input & 7) +
	       sum(entries, input & 7, input);
}
