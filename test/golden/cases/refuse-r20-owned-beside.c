// SPDX-License-Identifier: Apache-2.0

// A member that pointed to a text of the program gets a copy of its own, which is
// freed with it; another one, as far behind its pointer, is no longer freed.

#include <stdlib.h>
#include <string.h>

struct item {
	long key;
	char *name;
	struct item *next;
};

struct box {
	long key;
	char *text;
};

static struct item *items;

__attribute__((noinline)) long
discard(struct box *box)
{
	if (box->key > 3) {
#ifdef NEW
		box->key = 0;
#else
		free(box->text);
#endif
	}
	return box->key;
}

__attribute__((noinline)) struct item *
make(long key)
{
	struct item *item = malloc(sizeof(*item));

	item->key = key;
#ifdef NEW
	item->name = strdup(key & 1 ? "odd" : "even");
#else
	item->name = key & 1 ? "odd" : "even";
#endif
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
	struct box box = { 1, NULL };

	length += drop(input - 1) * 0;
	return length + discard(&box);
}
