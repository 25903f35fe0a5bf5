// SPDX-License-Identifier: Apache-2.0

/** @file An LRU cache with a hash index, pinned entries and statistics. */

#include "corpus.h"

#define BUCKETS  32
#define SHARDS   8  /*@grow*/
#define NAME_LEN 48 /*@alloc*/
#define SLACK    8  /*@asize*/

//@enum
enum entry_state {
	ENTRY_FREE,
	ENTRY_CLEAN,
	ENTRY_DIRTY,
	ENTRY_PINNED,
};

struct entry {
	struct entry *next;
	/*@mid*/
	struct entry *newer;
	struct entry *older;
	unsigned char kind;
	/*@hole*/
	int hits;               /*@type*/
	unsigned cost;          /*@swap*/
	enum entry_state state; /*@swap*/
	unsigned shard : 3;     /*@bits*/
	unsigned age : 9;
	unsigned seen : 1;
	union {
		long i;
		double d;
	} u;
	char *name;
	char *blob;
	/*@endm*/
};

struct summary {
	int best;
	/*@frame*/
	int total;
	const char *name;
};

#define VALUE(e) ((e)->u.i) /*@union*/

struct cache {
	struct entry *buckets[BUCKETS];
	struct entry *newest;
	struct entry *oldest;
	unsigned count;
	unsigned limit;
	pthread_mutex_t lock;
	pthread_mutex_t index_lock;
};

static struct cache cache = {
	.limit = 24,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.index_lock = PTHREAD_MUTEX_INITIALIZER,
};
//@lock &cache.index_lock
//@otherlock &cache.index_lock

static unsigned shard_hits[SHARDS]; /*@pe1*/
static unsigned evictions;          /*@pe2*/
static int policy = 3;              /*@initial*/
static int generation;
_Thread_local unsigned depth = 4;     /*@tls*/
_Thread_local unsigned last_hash = 9; /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	generation = 5; /*@ctor*/
}

static HELPER size_t
entry_bytes(void)
{
	return sizeof(struct entry) + SLACK;
}

static HELPER unsigned
bucket_of(const char *name)
{
	last_hash = corpus_hash(name);
	return last_hash % BUCKETS;
}

static void
unlink_age(struct entry *e)
{
	if (e->newer)
		e->newer->older = e->older;
	else
		cache.newest = e->older;
	if (e->older)
		e->older->newer = e->newer;
	else
		cache.oldest = e->newer;
	e->newer = NULL;
	e->older = NULL;
}

static void
link_newest(struct entry *e)
{
	e->older = cache.newest;
	if (cache.newest)
		cache.newest->newer = e;
	else
		cache.oldest = e;
	cache.newest = e;
}

static struct entry *
find(const char *name)
{
	struct entry *e = cache.buckets[bucket_of(name)];

	while (e && strcmp(e->name, name) != 0)
		e = e->next;
	return e;
}

static void
forget(struct entry *e)
{
	struct entry **place = &cache.buckets[bucket_of(e->name)];

	while (*place && *place != e)
		place = &(*place)->next;
	assert(*place == e);
	*place = e->next;
	unlink_age(e);
	free(e->name);
	free(e->blob);
	free(e);
	cache.count--;
	evictions++;
}

static void
make_room(void)
{
	struct entry *e = cache.oldest;

	while (e && cache.count >= cache.limit) {
		struct entry *newer = e->newer;

		if (e->state != ENTRY_PINNED)
			forget(e);
		e = newer;
	}
}

static struct entry *
insert(const char *name, long value)
{
	struct entry *e = malloc(entry_bytes());
	unsigned bucket = bucket_of(name);

	assert(e);
	memset(e, 0, sizeof(*e));
	e->name = malloc(NAME_LEN);
	assert(e->name);
	snprintf(e->name, NAME_LEN, "%s", name);
	e->blob = corpus_copy(name);
	e->state = ENTRY_CLEAN;
	e->cost = 10 + (unsigned)strlen(name);
	e->kind = (unsigned char)(name[0] & 15);
	e->shard = bucket % 8;
	VALUE(e) = value;
	//@touch e
	e->next = cache.buckets[bucket];
	cache.buckets[bucket] = e;
	link_newest(e);
	cache.count++;
	return e;
}

int
cache_put(const char *name, long value)
{
	struct entry *e = find(name);

	//@guard value > 5000 : return -1;
	//@guard strlen(name) > 40 : return -2;
	depth++;
	if (e) {
		VALUE(e) = value;
		e->state = ENTRY_DIRTY;
		unlink_age(e);
		link_newest(e);
		depth--;
		return 1;
	}
	make_room();
	e = insert(name, value);
	depth--;
	return e->state == ENTRY_CLEAN ? 0 : -1;
}

static HELPER void
count_hit(struct entry *e)
{
	static unsigned calls; /*@static-local*/

	pthread_mutex_lock(&cache.lock); /*@lock*/
	calls++;
	e->hits += policy;
	shard_hits[e->shard % SHARDS]++;
	if (calls % 16 == 0)
		generation++;
	pthread_mutex_unlock(&cache.lock); /*@unlock*/
}

long
cache_get(const char *name)
{
	struct entry *e = find(name);

	//@guard name[0] == '!' : return -7;
	if (!e)
		return -1;
	//@before-locked
	count_hit(e);
	//@region struct entry *e
	e->seen = 1;
	e->age = (e->age + 7) & 511;
	//@end
	//@touch e
	unlink_age(e);
	link_newest(e);
	return VALUE(e);
}

int
cache_pin(const char *name)
{
	struct entry *e = find(name);

	if (!e || e->state == ENTRY_PINNED)
		return -1;
	e->state = ENTRY_PINNED;
	return e->shard;
}

int
cache_unpin(const char *name) /*@export*/
{
	struct entry *e = find(name);

	if (!e || e->state != ENTRY_PINNED)
		return -1;
	e->state = ENTRY_DIRTY;
	return 0;
}

static const char *
state_name(enum entry_state state)
{
	switch (state) {
	case ENTRY_FREE:
		return "free";
	case ENTRY_CLEAN:
		return "clean";
	case ENTRY_DIRTY:
		return "dirty";
	case ENTRY_PINNED:
		return "pinned";
	}
	return "?";
}

static /*@ret*/ int
visit_shard(void *arg, int key /*@param*/)
{
	struct cache *c = arg;
	int sum = 0;

	for (struct entry *e = c->newest; e; e = e->older) {
		if ((int)e->shard == key)
			sum += e->hits;
	}
	//@useparam sum
	shard_hits[key % SHARDS] += sum & 3;
	return sum; /*@retval*/
}

//@twin
static HELPER int
age_points(const struct entry *e)
{
	return e->age > /*@twink*/ 40 ? 2 : (int)e->age / 10;
}

static HELPER int
score(const struct entry *e)
{
	int points = e->hits / 2 * /*@k*/ 3;

	if (/*@inv*/ (e->state == ENTRY_DIRTY))
		points += 100;
	points -= (int)e->cost - age_points(e);
	return /*@val*/ (points + e->age);
}

static HELPER unsigned
sum_shards(void)
{
	unsigned sum = 0;

	for (unsigned *p = shard_hits; p < shard_hits + SHARDS; p++)
		sum = sum * 3 + *p;
	return /*@pe*/ (sum);
}

static int
sum_costs(const int *costs, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += costs[i];
	return /*@val*/ (sum);
}

static HELPER void
summarize(struct summary *s)
{
	for (const struct entry *e = cache.newest; e; e = e->older) {
		int points = score(e);

		s->total += points;
		if (points > s->best) {
			s->best = points;
			s->name = e->name;
		}
	}
}

void
cache_report(void)
{
	struct summary s = { .best = -1000, .name = "none" };
	char line[80]; /*@stack*/
	int costs[64];
	int n = 0;

	//@early cache.count == 3 : return;
	summarize(&s);
	for (const struct entry *e = cache.newest; e && n < 64; e = e->older)
		costs[n++] = (int)e->cost + /*@calltwin*/ age_points(e);
	snprintf(line, sizeof(line), "best %s with %d of %d", s.name, s.best,
		 s.total);
	say("%s" /*@text*/ ", %u entries\n", line, cache.count);
	say("costs %d, shards %u\n", sum_costs(costs, n), sum_shards());
	say("evictions %u, generation %d, depth %u\n", evictions, generation,
	    depth);
	say("visited %d\n", corpus_each((corpus_fn *)visit_shard, &cache, 8));
}

static void
fill(int from, int to)
{
	char name[32];

	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "key-%d", i * 37 % 101);
		cache_put(name, strtol(name + 4, NULL, 10) * 3);
	}
}

static void
work(int round)
{
	char name[32];

	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "key-%d", (i * 11 + round) % 101);
		say("%s is %ld\n", name, cache_get(name));
	}
	say("long %d\n",
	    cache_put("a-name-that-is-longer-than-forty-characters-is", 1));
	say("large %d, odd %ld\n", cache_put("key-5", 6000), cache_get("!odd"));
	for (const struct entry *e = cache.newest; e; e = e->older)
		say("%s %s %d\n", e->name, state_name(e->state), score(e));
	cache_report();
}

void
corpus_phase(int phase)
{
	if (phase == 0) {
		//@fill
		fill(0, 40);
		cache_pin("key-93");
		cache_pin("key-100");
		for (int i = 0; i < 20; i++)
			cache_get(i & 1 ? "key-93" : "key-56");
		return;
	}
	generation += phase / 5;
	if (phase == 2) {
		policy += 2;
		fill(30, 60);
	}
	work(phase);
	if (phase == 2)
		say("unpin %d\n", cache_unpin("key-93"));
}
