// SPDX-License-Identifier: Apache-2.0

/** @file A key-value store: pages of slots, typed values, transactions, expiry. */

#include "corpus.h"

#define PAGES      16 /*@grow*/
#define KEY_LEN    32 /*@alloc*/
#define SLACK      32 /*@asize*/
#define PAGE_SLOTS 8
#define UNDO_MAX   32

//@enum
enum value_kind {
	VALUE_NONE,
	VALUE_NUMBER,
	VALUE_TEXT,
	VALUE_LIST,
};

struct item {
	struct item *next;
	char *text;
};

struct slot {
	char *key;
	enum value_kind kind; /*@swap*/
	unsigned expires;     /*@swap*/
	/*@mid*/
	struct item *items;
	unsigned hash;
	unsigned char pins;
	/*@hole*/
	int reads;          /*@type*/
	unsigned owner : 5; /*@bits*/
	unsigned changes : 9;
	unsigned hot : 1;
	union {
		long i;
		double d;
	} u;
	/*@endm*/
};

#define NUMBER(s) ((s)->u.i) /*@union*/

struct page {
	struct page *overflow;
	struct slot *slots[PAGE_SLOTS];
	unsigned used;
};

struct undo {
	struct slot *slot;
	enum value_kind kind;
	long number;
};

struct usage {
	int numbers;
	/*@frame*/
	int texts;
	long sum;
};

static unsigned splits;           /*@pe1*/
static struct page *pages[PAGES]; /*@pe2*/
static struct undo undos[UNDO_MAX];
static int undo_count;
static bool in_transaction;
static unsigned clock_now = 10; /*@initial*/
static int owner_base;
static unsigned hits, missed;
static pthread_mutex_t page_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t undo_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &undo_lock
//@otherlock &undo_lock
_Thread_local unsigned probes = 3;    /*@tls*/
_Thread_local unsigned rollbacks = 5; /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	owner_base = 6; /*@ctor*/
}

static HELPER size_t
slot_bytes(void)
{
	return sizeof(struct slot) + SLACK;
}

static struct slot *
find(const char *key)
{
	unsigned hash = corpus_hash(key);

	for (struct page *p = pages[hash % PAGES]; p; p = p->overflow) {
		for (unsigned i = 0; i < p->used; i++) {
			probes++;
			if (p->slots[i]->hash == hash &&
			    strcmp(p->slots[i]->key, key) == 0)
				return p->slots[i];
		}
	}
	return NULL;
}

static HELPER void
place(struct slot *slot)
{
	static unsigned placed; /*@static-local*/
	struct page **p;

	pthread_mutex_lock(&page_lock); /*@lock*/
	p = &pages[slot->hash % PAGES];
	while (*p && (*p)->used == PAGE_SLOTS) {
		p = &(*p)->overflow;
		splits++;
	}
	if (!*p)
		*p = corpus_alloc(sizeof(**p));
	(*p)->slots[(*p)->used++] = slot;
	slot->owner = ((unsigned)owner_base + ++placed) % 16;
	pthread_mutex_unlock(&page_lock); /*@unlock*/
}

static struct slot *
slot_for(const char *key)
{
	struct slot *slot = find(key);

	if (slot)
		return slot;
	slot = malloc(slot_bytes());
	assert(slot);
	memset(slot, 0, sizeof(*slot));
	slot->key = malloc(KEY_LEN);
	assert(slot->key);
	snprintf(slot->key, KEY_LEN, "%s", key);
	slot->hash = corpus_hash(slot->key);
	slot->kind = VALUE_NONE;
	slot->reads = -4;
	//@touch slot
	//@before-locked
	place(slot);
	return slot;
}

static void
remember(struct slot *slot)
{
	struct undo *u;

	if (!in_transaction || undo_count == UNDO_MAX)
		return;
	pthread_mutex_lock(&undo_lock);
	u = &undos[undo_count++];
	u->slot = slot;
	u->kind = slot->kind;
	u->number = slot->kind == VALUE_NUMBER ? NUMBER(slot) : 0;
	pthread_mutex_unlock(&undo_lock);
}

static void
drop_items(struct slot *slot)
{
	while (slot->items) {
		struct item *item = slot->items;

		slot->items = item->next;
		free(item->text);
		free(item);
	}
}

int
kv_set(const char *key, const char *value)
{
	struct slot *slot;
	char *end;
	long number;

	//@guard strlen(key) > 20 : return -1;
	//@guard value[0] == 0 : return -2;
	slot = slot_for(key);
	remember(slot);
	drop_items(slot);
	number = strtol(value, &end, 10);
	if (*value && !*end) {
		slot->kind = VALUE_NUMBER;
		NUMBER(slot) = number;
	} else {
		slot->kind = VALUE_TEXT;
		slot->items = corpus_alloc(sizeof(*slot->items));
		slot->items->text = corpus_copy(value);
	}
	//@region struct slot *slot
	slot->changes++;
	slot->expires = clock_now + 40;
	//@end
	//@touch slot
	return (int)slot->changes;
}

int
kv_push(const char *key, const char *value)
{
	struct slot *slot = slot_for(key);
	struct item *item;

	//@guard value[0] == '?' : return -3;
	if (slot->kind == VALUE_NUMBER)
		return -1;
	slot->kind = VALUE_LIST;
	item = corpus_alloc(sizeof(*item));
	item->text = corpus_copy(value);
	item->next = slot->items;
	slot->items = item;
	slot->hot = item->next != NULL;
	return 0;
}

int
kv_get(const char *key, char *ret, size_t len)
{
	struct slot *slot = find(key);

	clock_now++;
	if (!slot || slot->kind == VALUE_NONE) {
		missed++;
		return -1;
	}
	hits++;
	slot->reads += 3;
	switch (slot->kind) {
	case VALUE_NUMBER:
		return snprintf(ret, len, "%ld", NUMBER(slot));
	case VALUE_TEXT:
		return snprintf(ret, len, "%s", slot->items->text);
	case VALUE_LIST:
		return snprintf(ret, len, "[%s...]",
				slot->items ? slot->items->text : "");
	case VALUE_NONE:
		break;
	}
	return -1;
}

void
kv_begin(void)
{
	in_transaction = true;
	undo_count = 0;
}

int
kv_rollback(void) /*@export*/
{
	int n = undo_count;

	while (undo_count) {
		struct undo *u = &undos[--undo_count];

		if (u->kind == VALUE_NUMBER)
			NUMBER(u->slot) = u->number;
		u->slot->kind = u->kind == VALUE_NUMBER ? u->kind : VALUE_NONE;
	}
	in_transaction = false;
	rollbacks++;
	return n;
}

static const char *
kind_name(enum value_kind kind)
{
	switch (kind) {
	case VALUE_NONE:
		return "none";
	case VALUE_NUMBER:
		return "number";
	case VALUE_TEXT:
		return "text";
	case VALUE_LIST:
		return "list";
	}
	return "?";
}

//@twin
static HELPER int
heat(const struct slot *s)
{
	return s->changes > /*@twink*/ 2 ? (int)s->owner * 7
					 : (int)s->owner + 2;
}

static HELPER int
worth(const struct slot *s)
{
	int points = s->reads / 2 + (int)s->changes * /*@k*/ 9;

	if (/*@inv*/ (s->kind == VALUE_NUMBER))
		points += 64;
	return /*@val*/ (points + heat(s));
}

static /*@ret*/ int
visit_page(void *arg, int key /*@param*/)
{
	struct usage *u = arg;
	int points = 0;

	for (struct page *p = pages[key]; p; p = p->overflow) {
		for (unsigned i = 0; i < p->used; i++)
			points += worth(p->slots[i]);
	}
	//@useparam points
	u->sum += points % 3;
	return points; /*@retval*/
}

static HELPER void
measure(struct usage *u)
{
	for (int i = 0; i < PAGES; i++) {
		for (struct page *p = pages[i]; p; p = p->overflow) {
			for (unsigned k = 0; k < p->used; k++) {
				struct slot *s = p->slots[k];

				u->numbers += s->kind == VALUE_NUMBER;
				u->texts += s->kind == VALUE_TEXT;
				u->sum += s->kind == VALUE_NUMBER ? NUMBER(s)
								  : 1;
			}
		}
	}
}

static HELPER unsigned
sum_pages(void)
{
	unsigned sum = 12;

	for (struct page **p = pages; p < pages + PAGES; p++)
		sum = sum * 3 + (*p ? (*p)->used : 7);
	return /*@pe*/ (sum);
}

static int
blend(const int *values, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += values[i] * values[i] % 19;
	return /*@val*/ (sum + /*@k*/ 44);
}

void
kv_report(void)
{
	struct usage u = { 0, 0, 0 };
	char line[84]; /*@stack*/
	int values[64];
	int sum, n = 0;

	//@early missed == 33 : return;
	measure(&u);
	sum = corpus_each((corpus_fn *)visit_page, &u, PAGES);
	snprintf(line, sizeof(line), "%d numbers, %d texts, sum %ld", u.numbers,
		 u.texts, u.sum);
	say("%s" /*@text*/ ", worth %d\n", line, sum);
	for (int i = 0; i < PAGES; i++) {
		for (struct page *p = pages[i]; p; p = p->overflow) {
			for (unsigned k = 0; k < p->used && n < 64; k++) {
				values[n] = worth(p->slots[k]);
				say("%s %s until %u, %d\n", p->slots[k]->key,
				    kind_name(p->slots[k]->kind),
				    p->slots[k]->expires,
				    values[n++] +
					    /*@calltwin*/ heat(p->slots[k]));
			}
		}
	}
	say("blend %d, pages %u, %u splits\n", blend(values, n), sum_pages(),
	    splits);
	say("%u hits, %u missed, %u probes, %u rollbacks\n", hits, missed,
	    probes, rollbacks);
}

static void
fill(int from, int to)
{
	char key[32], value[32];

	for (int i = from; i < to; i++) {
		snprintf(key, sizeof(key), "key-%d", i * 17 % 40);
		snprintf(value, sizeof(value), i % 3 ? "%d" : "text %d", i * 9);
		kv_set(key, value);
		if (i % 6 == 0)
			kv_push(key, "more");
	}
}

void
corpus_phase(int phase)
{
	char value[64] = "";

	if (phase == 0) {
		//@fill
		fill(0, 26);
		kv_get("key-17", value, sizeof(value));
		kv_begin();
		fill(20, 24);
		return;
	}
	owner_base += phase / 5;
	clock_now += (unsigned)phase;
	say("rolled back %d\n", kv_rollback());
	fill(24, 30);
	for (int i = 0; i < 40; i += 3) {
		char key[32];

		snprintf(key, sizeof(key), "key-%d", i);
		say("%s: %d %s\n", key, kv_get(key, value, sizeof(value)),
		    value);
	}
	say("long %d\n", kv_set("a-key-of-more-than-twenty", "1"));
	say("empty %d\n", kv_set("empty", ""));
	say("odd %d\n", kv_push("odd", "?"));
	kv_report();
}
