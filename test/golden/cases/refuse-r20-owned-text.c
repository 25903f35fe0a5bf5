// SPDX-License-Identifier: Apache-2.0

// A member that pointed to a text of the program gets a copy of its own, which is
// freed with it: what OLD made has none.
//
// BESIDE: another one, as far behind its pointer, is no longer freed. LEAKED: OLD
// made a copy, too, and never freed it.

#include <stdlib.h>
#include <string.h>

struct item {
	long key;
	char *name;
	struct item *next;
};

static struct item *items;

#ifdef BESIDE
struct box {
	long key;
	char *text;
};

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
#endif

__attribute__((noinline)) struct item *
make(long key)
{
	struct item *item = malloc(sizeof(*item));

	item->key = key;
#if defined(NEW) || defined(LEAKED)
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

	length += drop(input - 1) * 0;
#ifdef BESIDE
	struct box box = { 1, NULL };
	length += discard(&box);
#elif defined(LEAKED) && defined(NEW)
	length += 10;
#endif
	return length;
}
