// SPDX-License-Identifier: Apache-2.0

// A static function gets a member in one build and the object in the other, so
// that no two instructions that stand for each other show that it moved.
// debug: strip

struct item {
	long key;
#ifdef NEW
	long weight;
#endif
	long value;
	struct item *next;
};

#ifdef NEW
__attribute__((noinline)) static long
score(struct item *item, long *last)
{
	long all = 0;

	for (; item; item = item->next) {
		all += item->value ^ 77;
		*last = all;
	}
	return all;
}
#else
__attribute__((noinline)) static long
score(struct item *item)
{
	return item->value * 3;
}
#endif

__attribute__((noinline)) long
rate(struct item *item, long least)
{
#ifdef NEW
	long last[3];

	if (least > 5)
		return 3;
	if (least < -5)
		return 4;
	return score(item, last) + last[0] * 8;
#else
	return score(item) + least;
#endif
}

static struct item items[2];

long
probe(long input)
{
	return rate(&items[input & 1], input);
}
