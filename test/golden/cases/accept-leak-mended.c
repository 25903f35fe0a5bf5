// SPDX-License-Identifier: Apache-2.0

// What was made and never ended is ended: a leak is mended, elsewhere than where it
// was made.

#include <stdlib.h>
#include <string.h>

struct item {
	long key;
	char *name;
	struct item *next;
};

static struct item *items;

__attribute__((noinline)) struct item *
make(long key)
{
	struct item *item = malloc(sizeof(*item));

	item->key = key;
	item->name = strdup(key & 1 ? "odd" : "even");
	item->next = items;
	items = item;
	return item;
}

__attribute__((noinline)) long
drop(long key)
{
	for (struct item **at = &items; *at; at = &(*at)->next) {
		struct item *item = *at;
		if (item->key != key)
			continue;
		*at = item->next;
#ifdef NEW
		free(item->name);
#endif
		free(item);
		return 1;
	}
	return 0;
}

long
probe(long input)
{
	long length = (long)strlen(make(input)->name);

	length += drop(input - 1) * 0;
#ifdef NEW
	length += 10;
#endif
	return length;
}
