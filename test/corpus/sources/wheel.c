// SPDX-License-Identifier: Apache-2.0

/** @file A timer wheel of two rings, with periodic timers and cancellation. */

#include "corpus.h"

#define SLOTS      32 /*@grow*/
#define RINGS      2
#define LABEL_LEN  24 /*@alloc*/
#define SLACK      32 /*@asize*/
#define TIMERS_MAX 200

//@enum
enum timer_state {
	TIMER_IDLE,
	TIMER_ARMED,
	TIMER_FIRED,
	TIMER_CANCELLED,
};

struct timer;

typedef int
timer_fn(struct timer *t);

struct timer {
	struct timer *next;
	/*@mid*/
	timer_fn *fire;
	unsigned long due; /*@swap*/
	unsigned period;   /*@swap*/
	enum timer_state state;
	char *label;
	bool urgent;
	/*@hole*/
	int drift;         /*@type*/
	unsigned ring : 2; /*@bits*/
	unsigned slot : 9;
	unsigned fired : 12;
	union {
		long i;
		double d;
	} u;
	/*@endm*/
};

#define PAYLOAD(t) ((t)->u.i) /*@union*/

struct window {
	unsigned long from;
	/*@frame*/
	unsigned long to;
	int count;
};

static struct timer *rings[RINGS][64];
static unsigned load[SLOTS];     /*@pe1*/
static unsigned cascades;        /*@pe2*/
static unsigned long now = 1000; /*@initial*/
static struct timer *timers[TIMERS_MAX];
static int timer_count;
static long tick_bonus;
static long journal;
static pthread_mutex_t wheel_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &list_lock
//@otherlock &list_lock
_Thread_local unsigned fired_here = 1; /*@tls*/
_Thread_local unsigned armed_here = 6; /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	tick_bonus = 2; /*@ctor*/
}

static HELPER size_t
timer_bytes(void)
{
	return sizeof(struct timer) + SLACK;
}

static void
put(struct timer *t)
{
	unsigned long distance = t->due > now ? t->due - now : 1;
	unsigned ring = distance < SLOTS ? 0 : 1;
	unsigned slot = ring ? t->due / SLOTS % SLOTS : t->due % SLOTS;

	t->ring = ring;
	t->slot = slot;
	t->next = rings[ring][slot];
	rings[ring][slot] = t;
}

static HELPER void
arm(struct timer *t, unsigned long delay)
{
	static unsigned arms; /*@static-local*/

	pthread_mutex_lock(&wheel_lock); /*@lock*/
	arms++;
	t->due = now + delay;
	t->state = TIMER_ARMED;
	put(t);
	load[t->slot % SLOTS] += 1 + arms % 2;
	armed_here++;
	pthread_mutex_unlock(&wheel_lock); /*@unlock*/
}

struct timer *
timer_new(const char *label, timer_fn *fire, unsigned period)
{
	struct timer *t;

	//@guard period > 500 : return NULL;
	//@guard !label[0] : return NULL;
	if (timer_count == TIMERS_MAX)
		return NULL;
	t = malloc(timer_bytes());
	assert(t);
	memset(t, 0, sizeof(*t));
	t->label = malloc(LABEL_LEN);
	assert(t->label);
	snprintf(t->label, LABEL_LEN, "%s", label);
	t->fire = fire;
	t->period = period;
	t->drift = -3 - timer_count;
	t->urgent = label[0] == 'u';
	t->state = TIMER_IDLE;
	PAYLOAD(t) = label[0] ? strtol(label + 1, NULL, 10) : 0;
	//@touch t
	timers[timer_count++] = t;
	return t;
}

int
timer_start(struct timer *t, unsigned long delay)
{
	if (!t || t->state == TIMER_ARMED)
		return -1;
	//@guard delay > 4000 : return -2;
	//@before-locked
	arm(t, delay);
	return (int)t->slot;
}

int
timer_cancel(struct timer *t) /*@export*/
{
	struct timer **place;

	if (!t || t->state != TIMER_ARMED)
		return -1;
	place = &rings[t->ring][t->slot];
	while (*place && *place != t)
		place = &(*place)->next;
	assert(*place);
	pthread_mutex_lock(&list_lock);
	*place = t->next;
	t->next = NULL;
	pthread_mutex_unlock(&list_lock);
	t->state = TIMER_CANCELLED;
	return 0;
}

static int
fire_note(struct timer *t)
{
	journal = journal * 3 + PAYLOAD(t);
	return 1;
}

static int
fire_count(struct timer *t)
{
	PAYLOAD(t) += 2;
	return t->urgent ? 2 : 1;
}

static int
fire_once(struct timer *t)
{
	t->period = 0;
	journal += t->drift;
	return 1;
}

static HELPER int
run(struct timer *t)
{
	int weight = t->fire(t);

	t->state = TIMER_FIRED;
	//@region struct timer *t
	t->fired++;
	t->drift += 2;
	//@end
	//@touch t
	fired_here++;
	if (t->period)
		arm(t, t->period);
	return weight;
}

static int
run_slot(unsigned slot)
{
	struct timer *t = rings[0][slot];
	int sum = 0;

	rings[0][slot] = NULL;
	while (t) {
		struct timer *next = t->next;

		t->next = NULL;
		if (t->due <= now)
			sum += run(t);
		else
			put(t);
		t = next;
	}
	return sum;
}

static void
cascade(unsigned slot)
{
	struct timer *t = rings[1][slot];

	rings[1][slot] = NULL;
	while (t) {
		struct timer *next = t->next;

		put(t);
		t = next;
	}
	cascades++;
}

int
wheel_turn(int ticks)
{
	int sum = 0;

	for (int i = 0; i < ticks; i++) {
		now++;
		if (now % SLOTS == 0)
			cascade(now / SLOTS % SLOTS);
		sum += run_slot(now % SLOTS);
	}
	return sum;
}

static const char *
state_name(enum timer_state state)
{
	switch (state) {
	case TIMER_IDLE:
		return "idle";
	case TIMER_ARMED:
		return "armed";
	case TIMER_FIRED:
		return "fired";
	case TIMER_CANCELLED:
		return "cancelled";
	}
	return "?";
}

//@twin
static HELPER int
urgency(const struct timer *t)
{
	return t->period > /*@twink*/ 20 ? (int)t->fired + 4
					 : (int)t->fired * 2;
}

static HELPER int
rate(const struct timer *t)
{
	int points = t->drift / 2 + (int)t->fired * /*@k*/ 3;

	if (/*@inv*/ (t->urgent && t->state == TIMER_ARMED))
		points += 25;
	return /*@val*/ (points + urgency(t));
}

static /*@ret*/ int
visit_timer(void *arg, int key /*@param*/)
{
	struct window *w = arg;
	struct timer *t = timers[key];
	int slots = (int)t->slot;

	//@useparam slots
	if (t->due >= w->from && t->due < w->to)
		w->count += 1 + slots % 2;
	return slots + (int)t->period; /*@retval*/
}

static HELPER unsigned
sum_load(void)
{
	unsigned sum = 0;

	for (unsigned *p = load; p < load + SLOTS; p++)
		sum = sum * 5 + *p;
	return /*@pe*/ (sum);
}

static HELPER void
look(struct window *w)
{
	w->to = now + 64;
	for (int i = 0; i < timer_count; i++)
		w->count += timers[i]->due >= w->from && timers[i]->due < w->to;
	w->from = now / 2;
}

static int
mix(const int *rates, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += rates[i] * (i % 3);
	return /*@val*/ (sum - /*@k*/ 9);
}

void
wheel_report(void)
{
	struct window w = { now, 0, 0 };
	char line[72]; /*@stack*/
	int rates[64];
	int n = 0;

	//@early cascades == 1 : return;
	look(&w);
	for (int i = 0; i < timer_count && n < 64; i++)
		rates[n++] = rate(timers[i]) + /*@calltwin*/ urgency(timers[i]);
	snprintf(line, sizeof(line), "window %lu to %lu, %d", w.from, w.to,
		 w.count);
	say("%s" /*@text*/ ", mix %d\n", line, mix(rates, n));
	say("visit %d, %d\n",
	    corpus_each((corpus_fn *)visit_timer, &w, timer_count), w.count);
	say("now %lu, %u cascades, load %u, journal %ld\n", now, cascades,
	    sum_load(), journal);
	say("%u fired, %u armed, bonus %ld\n", fired_here, armed_here,
	    tick_bonus);
}

void
corpus_phase(int phase)
{
	static timer_fn *const kinds[] = { fire_note, fire_count, fire_once };
	unsigned seed = 11 + (unsigned)phase;
	char label[32];

	if (phase == 0) {
		//@fill
		for (int i = 0; i < 18; i++) {
			snprintf(label, sizeof(label), "%c%d",
				 i % 4 ? 't' : 'u', i * 7);
			timer_start(timer_new(label, kinds[i % 3],
					      (unsigned)(i % 5) * 9),
				    1 + corpus_random(&seed) % 300);
		}
		wheel_turn(90);
		return;
	}
	tick_bonus += phase / 5;
	say("turned %d\n", wheel_turn(70 * phase));
	say("slow %d\n", timer_new("u1", fire_note, 600) != NULL);
	say("nameless %d\n", timer_new("", fire_note, 6) != NULL);
	say("late %d\n", timer_start(timer_new("t5", fire_once, 0), 5000));
	for (int i = 0; i < timer_count; i++)
		say("%s %s %ld %d\n", timers[i]->label,
		    state_name(timers[i]->state), PAYLOAD(timers[i]),
		    rate(timers[i]));
	wheel_report();
	if (phase == 2)
		say("cancel %d\n", timer_cancel(timers[4]));
}
