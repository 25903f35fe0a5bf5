// SPDX-License-Identifier: Apache-2.0

// A pointer is kept with its lowest bit set, which each reader clears. No type
// shows that, and code that stays would read what NEW stores as it is.

struct entry {
	long value;
	struct entry *link;
};

static struct entry entries[8];
static struct entry *last;

__attribute__((noinline)) void
connect(struct entry *entry, struct entry *to)
{
#ifdef NEW
	entry->link = (struct entry *)((unsigned long)to | 1);
#else
	entry->link = to;
#endif
}

__attribute__((noinline)) long
follow(const struct entry *entry, long value)
{
#ifdef NEW
	entry = (struct entry *)((unsigned long)entry->link & ~1UL);
#else
	entry = entry->link;
#endif
	return entry->value + value;
}

long
probe(long input)
{
	struct entry *entry = &entries[input & 7];

	entry->value += input;
	if (input & 8 || !last) {
		connect(entry, &entries[(input + 3) & 7]);
		last = entry;
	}
	return follow(last, input);
}
