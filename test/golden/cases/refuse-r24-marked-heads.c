// SPDX-License-Identifier: Apache-2.0

// The heads of lists, kept in an array, get a mark in their lowest bit: those that
// OLD put there have none, and their lists would be lost.

#include <stdint.h>
#include <stdlib.h>

struct item {
	long key;
	struct item *next;
};

static uintptr_t heads[16];

__attribute__((noinline)) static void
put(long key)
{
	struct item *item = malloc(sizeof(*item));

	item->key = key;
#ifdef NEW
	item->next = (struct item *)(heads[key & 15] & ~1UL);
	heads[key & 15] = (uintptr_t)item | 1;
#else
	item->next = (struct item *)heads[key & 15];
	heads[key & 15] = (uintptr_t)item;
#endif
}

__attribute__((noinline)) static long
has(long key)
{
	struct item *item = (struct item *)heads[key & 15];

#ifdef NEW
	if (!(heads[key & 15] & 1))
		return -1;
	item = (struct item *)(heads[key & 15] & ~1UL);
#endif
	for (; item; item = item->next) {
		if (item->key == key)
			return 1;
	}
	return 0;
}

long
probe(long input)
{
	if (has(input) != 1)
		put(input);
	return has(input) * 10 + (has(input + 40) > 0);
}
