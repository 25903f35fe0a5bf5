// SPDX-License-Identifier: Apache-2.0

/** @file Topics with subscribers: priorities, filters, queues, once-only ones. */

#include "corpus.h"

#define QUEUE     64 /*@grow*/
#define TOPIC_LEN 32 /*@alloc*/
#define SLACK     24 /*@asize*/

//@enum
enum sub_mode {
	SUB_PAUSED,
	SUB_ALWAYS,
	SUB_ONCE,
	SUB_SAMPLED,
};

struct event {
	int topic;
	long value;
	unsigned number;
};

struct sub;

typedef int
listen_fn(struct sub *sub, const struct event *event);

struct sub {
	struct sub *next;
	listen_fn *listen;
	/*@mid*/
	void *context;
	enum sub_mode mode; /*@swap*/
	unsigned heard;     /*@swap*/
	bool muted;
	/*@hole*/
	int priority;       /*@type*/
	unsigned every : 4; /*@bits*/
	unsigned skipped : 7;
	unsigned vip : 1;
	union {
		long i;
		double d;
	} u;
	/*@endm*/
};

#define TOTAL(s) ((s)->u.i) /*@union*/

struct topic {
	struct topic *next;
	char *name;
	int number;
	struct sub *subs;
	unsigned posted;
};

struct overview {
	int subs;
	/*@frame*/
	int muted;
	long totals;
};

static unsigned dropped;          /*@pe1*/
static struct event queue[QUEUE]; /*@pe2*/
static unsigned head, tail;
static struct topic *topics;
static int topic_count;
static int limit = 20; /*@initial*/
static int base_priority;
static long echo;
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t topic_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &topic_lock
//@otherlock &topic_lock
_Thread_local unsigned delivered = 3; /*@tls*/
_Thread_local unsigned sampled = 8;   /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	base_priority = 40; /*@ctor*/
}

static HELPER size_t
sub_bytes(void)
{
	return sizeof(struct sub) + SLACK;
}

static struct topic *
topic_numbered(int number)
{
	struct topic *t = topics;

	while (t && t->number != number)
		t = t->next;
	return t;
}

int
topic_open(const char *name)
{
	struct topic *t;

	//@guard strlen(name) > 20 : return -1;
	//@guard topic_count > 4 : return -2;
	for (t = topics; t; t = t->next) {
		if (strcmp(t->name, name) == 0)
			return t->number;
	}
	t = corpus_alloc(sizeof(*t));
	t->name = malloc(TOPIC_LEN);
	assert(t->name);
	snprintf(t->name, TOPIC_LEN, "%s", name);
	t->number = topic_count++;
	pthread_mutex_lock(&topic_lock);
	t->next = topics;
	topics = t;
	pthread_mutex_unlock(&topic_lock);
	return t->number;
}

static void
insert_sub(struct topic *t, struct sub *sub)
{
	struct sub **place = &t->subs;

	while (*place && (*place)->priority >= sub->priority)
		place = &(*place)->next;
	sub->next = *place;
	*place = sub;
}

struct sub *
topic_listen(int topic, listen_fn *listen, void *context, int priority,
	     enum sub_mode mode)
{
	struct topic *t = topic_numbered(topic);
	struct sub *sub;

	if (!t)
		return NULL;
	sub = malloc(sub_bytes());
	assert(sub);
	memset(sub, 0, sizeof(*sub));
	sub->listen = listen;
	sub->context = context;
	sub->mode = mode;
	sub->priority = priority - base_priority;
	sub->every = 2 + (unsigned)priority % 3;
	sub->vip = priority > 50;
	TOTAL(sub) = priority;
	//@touch sub
	insert_sub(t, sub);
	return sub;
}

static HELPER bool
enqueue(int topic, long value)
{
	static unsigned number; /*@static-local*/
	bool room;

	pthread_mutex_lock(&queue_lock); /*@lock*/
	room = tail - head < QUEUE;
	if (room) {
		struct event *e = &queue[tail++ % QUEUE];

		e->topic = topic;
		e->value = value;
		e->number = ++number;
	} else {
		dropped++;
	}
	pthread_mutex_unlock(&queue_lock); /*@unlock*/
	return room;
}

int
event_post(int topic, long value)
{
	struct topic *t = topic_numbered(topic);

	if (!t)
		return -1;
	//@guard value > 7000 : return -2;
	t->posted++;
	//@before-locked
	return enqueue(topic, value) ? (int)t->posted : 0;
}

static bool
wants(struct sub *sub)
{
	switch (sub->mode) {
	case SUB_PAUSED:
		return false;
	case SUB_ALWAYS:
		return !sub->muted;
	case SUB_ONCE:
		sub->mode = SUB_PAUSED;
		return true;
	case SUB_SAMPLED:
		sub->skipped++;
		sampled++;
		return sub->skipped % sub->every == 0;
	}
	return false;
}

static HELPER int
deliver(struct sub *sub, const struct event *e)
{
	int code;

	if (!wants(sub))
		return 0;
	code = sub->listen(sub, e);
	//@region struct sub *sub, int code
	sub->heard++;
	sub->priority += code > 3;
	//@end
	//@touch sub
	delivered++;
	return code;
}

int
events_run(int count)
{
	int sum = 0;

	for (int i = 0; i < count && head != tail; i++) {
		struct event e = queue[head++ % QUEUE];
		struct topic *t = topic_numbered(e.topic);

		assert(t);
		for (struct sub *s = t->subs; s; s = s->next)
			sum += deliver(s, &e);
	}
	return sum;
}

static int
listen_sum(struct sub *sub, const struct event *e)
{
	TOTAL(sub) += e->value;
	return 1;
}

static int
listen_limit(struct sub *sub, const struct event *e)
{
	long *high = sub->context;

	if (e->value > *high)
		*high = e->value;
	if (TOTAL(sub) > limit * 100)
		sub->muted = true;
	TOTAL(sub) += 7;
	return 2;
}

static int
listen_echo(struct sub *sub, const struct event *e)
{
	echo = echo * 5 + e->value + sub->priority;
	if (e->value % 4 == 0 && e->topic > 0)
		event_post(e->topic - 1, e->value / 2);
	return 4;
}

int
events_mute(int topic) /*@export*/
{
	struct topic *t = topic_numbered(topic);
	int n = 0;

	if (!t)
		return -1;
	for (struct sub *s = t->subs; s; s = s->next) {
		s->muted = true;
		n++;
	}
	return n;
}

static const char *
mode_name(enum sub_mode mode)
{
	switch (mode) {
	case SUB_PAUSED:
		return "paused";
	case SUB_ALWAYS:
		return "always";
	case SUB_ONCE:
		return "once";
	case SUB_SAMPLED:
		return "sampled";
	}
	return "?";
}

//@twin
static HELPER int
zeal(const struct sub *s)
{
	return s->heard > /*@twink*/ 5 ? (int)s->heard * 2 : (int)s->every;
}

static HELPER int
influence(const struct sub *s)
{
	int points = s->priority / 2 + (int)s->heard * /*@k*/ 6;

	if (/*@inv*/ (s->vip != 0))
		points *= 2;
	return /*@val*/ (points + zeal(s));
}

static /*@ret*/ int
visit_topic(void *arg, int key /*@param*/)
{
	struct overview *o = arg;
	struct topic *t = topic_numbered(key);
	int points = 0;

	for (struct sub *s = t->subs; s; s = s->next) {
		points += influence(s);
		o->subs++;
	}
	//@useparam points
	t->posted += o->muted > 100;
	return points; /*@retval*/
}

static HELPER void
count_muted(struct overview *o)
{
	for (struct topic *t = topics; t; t = t->next) {
		for (struct sub *s = t->subs; s; s = s->next) {
			o->muted += s->muted;
			o->totals += TOTAL(s);
		}
	}
}

static HELPER unsigned
sum_queue(void)
{
	unsigned sum = 4;

	for (struct event *e = queue; e < queue + QUEUE; e++)
		sum = sum * 3 + e->number;
	return /*@pe*/ (sum);
}

static int
spread(const int *points, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += points[i] > 20 ? 3 : points[i] % 5;
	return /*@val*/ (sum * /*@k*/ 2);
}

void
events_report(void)
{
	struct overview o = { 0, 0, 0 };
	char line[70]; /*@stack*/
	int points[32];
	int sum, n = 0;

	//@early dropped == 1000 : return;
	count_muted(&o);
	sum = corpus_each((corpus_fn *)visit_topic, &o, topic_count);
	snprintf(line, sizeof(line), "%d subs, %d muted, totals %ld", o.subs,
		 o.muted, o.totals);
	say("%s" /*@text*/ ", influence %d\n", line, sum);
	for (struct topic *t = topics; t; t = t->next) {
		say("%s: %u\n", t->name, t->posted);
		for (struct sub *s = t->subs; s && n < 32; s = s->next) {
			points[n++] = influence(s) + /*@calltwin*/ zeal(s);
			say("  %s %d %ld\n", mode_name(s->mode), influence(s),
			    TOTAL(s));
		}
	}
	say("spread %d, queue %u, echo %ld\n", spread(points, n), sum_queue(),
	    echo);
	say("%u dropped, %u delivered, %u sampled\n", dropped, delivered,
	    sampled);
}

static void
post_some(int n, unsigned seed)
{
	for (int i = 0; i < n; i++) {
		long value = corpus_random(&seed) % 900;

		event_post((int)(value % 4), value);
	}
}

void
corpus_phase(int phase)
{
	static const char *const names[] = { "mouse", "keys", "disk", "net" };
	static long high;

	if (phase == 0) {
		//@fill
		for (int i = 0; i < 4; i++) {
			topic_open(names[i]);
			topic_listen(i, listen_sum, NULL, 30 + i, SUB_ALWAYS);
			topic_listen(i, listen_limit, &high, 50 + i,
				     SUB_SAMPLED);
			topic_listen(i, listen_echo, NULL, 45 - i,
				     i & 1 ? SUB_ONCE : SUB_ALWAYS);
		}
		post_some(30, 9);
		events_run(20);
		return;
	}
	base_priority += phase / 5;
	limit += phase;
	post_some(50, (unsigned)phase);
	say("large %d\n", event_post(1, 8000));
	say("open %d %d\n", topic_open(phase == 1 ? "five" : "six"),
	    topic_open("a topic that has a long name") >= 0);
	say("ran %d, high %ld\n", events_run(100), high);
	say("number %ld\n", strtol("77", NULL, 8) + topic_count);
	events_report();
	if (phase == 2)
		say("muted %d\n", events_mute(2));
}
