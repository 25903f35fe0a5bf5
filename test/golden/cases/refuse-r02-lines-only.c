// SPDX-License-Identifier: Apache-2.0

// cflags: -g1
// debug: sym
// Debug information of lines alone has no types, and must not count as if it
// had: two members trade places.

struct entry {
#ifdef NEW
	long price;
	long weight;
#else
	long weight;
	long price;
#endif
};

__attribute__((noinline)) long
sum(const struct entry *entry, long factor)
{
#ifdef NEW
	if (factor < 0)
		return 0;
#endif
	return entry->price * factor - entry->weight;
}

__attribute__((noinline)) void
put(struct entry *entry, long price, long weight)
{
	entry->price = price;
	entry->weight = weight * 3;
}

static struct entry kept;

long
probe(long input)
{
	put(&kept, input, 3);
	return sum(&kept, input);
}
