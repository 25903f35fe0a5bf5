// SPDX-License-Identifier: Apache-2.0

// Objects come from a pool in NEW, and go back there; those that OLD made came
// from malloc.

#include <stdlib.h>

struct item {
	struct item *next;
	long value;
};

static struct item *first;
static struct item *spare;

__attribute__((noinline)) struct item *
pool_take(void)
{
	struct item *item = spare;

	if (item)
		spare = item->next;
	return item ? item : malloc(sizeof(*item) * 16);
}

__attribute__((noinline)) void
pool_put(struct item *item)
{
	item->next = spare;
	spare = item;
}

__attribute__((noinline)) long
add(long value)
{
#ifdef NEW
	struct item *item = pool_take();
#else
	struct item *item = malloc(sizeof(*item));
#endif
	if (!item)
		return -1;
	item->value = value;
	item->next = first;
	first = item;
	return value;
}

__attribute__((noinline)) void
drop(void)
{
	struct item *item = first;

	if (!item)
		return;
	first = item->next;
#ifdef NEW
	pool_put(item);
#else
	free(item);
#endif
}

long
probe(long input)
{
	long sum = add(input);

	if (input % 3 == 0)
		drop();
	for (struct item *item = first; item; item = item->next)
		sum += item->value;
	pool_put(pool_take());
	return sum;
}
