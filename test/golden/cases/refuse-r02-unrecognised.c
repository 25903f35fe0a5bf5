// SPDX-License-Identifier: Apache-2.0

// A static function changed so much that it is not recognised, and uses a
// member that moved.
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
score(struct item *item, long *sum)
{
	long bits = 0;

	*sum = 0;
	for (; item; item = item->next) {
		long value = item->value--;
		if (value < 0)
			value = -value;
		while (value > 9) {
			bits = bits << 1 | (value & 1);
			value = value / 10 ^ item->key;
		}
		*sum = (*sum << 3) ^ value;
		if (item->key == 3)
			*sum += bits * 7 + item->next->value;
		if (item->key == 11)
			*sum ^= bits % 13 - item->next->key;
	}
	return *sum > 9;
}
#else
__attribute__((noinline)) static long
twice(struct item *item)
{
	return ++item->value;
}
#endif

__attribute__((noinline)) long
unrelated(long value)
{
	return value * 5 + 1;
}

__attribute__((noinline)) long
rate(struct item *item, long least)
{
#ifdef NEW
	long sum[2];

	if (!item || least < 0)
		return -1;
	return score(item, sum) ? sum[0] : least;
#else
	return least ? twice(item) : 0;
#endif
}

long
probe(long input)
{
	return input > 99 ? rate((struct item *)input, 1) : input;
}
