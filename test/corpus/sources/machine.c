// SPDX-License-Identifier: Apache-2.0

/** @file Lifts of a building as state machines: calls, doors, movement, faults. */

#include "corpus.h"

#define FLOORS    12 /*@grow*/
#define PLATE_LEN 24 /*@alloc*/
#define SLACK     16 /*@asize*/
#define LIFTS_MAX 6

//@enum
enum lift_state {
	LIFT_RESTING,
	LIFT_CLOSING,
	LIFT_RISING,
	LIFT_SINKING,
	LIFT_OPENING,
	LIFT_BROKEN,
};

enum event {
	EVENT_TICK,
	EVENT_CALL,
	EVENT_ARRIVED,
	EVENT_BLOCKED,
	EVENT_FAULT,
	EVENT_REPAIRED,
	EVENT_COUNT,
};

struct lift;

typedef enum lift_state
step_fn(struct lift *lift, int argument);

struct lift {
	char *plate;
	enum lift_state state; /*@swap*/
	unsigned floor;        /*@swap*/
	/*@mid*/
	unsigned target;
	unsigned calls;
	bool loaded;
	/*@hole*/
	int wear;          /*@type*/
	unsigned door : 4; /*@bits*/
	unsigned patience : 5;
	unsigned express : 1;
	union {
		long i;
		double d;
	} u;
	struct history *history;
	/*@endm*/
};

#define DISTANCE(l) ((l)->u.i) /*@union*/

struct history {
	struct history *next;
	enum lift_state from;
	enum lift_state to;
	int event;
};

struct survey {
	int moving;
	/*@frame*/
	int broken;
	long distance;
};

static unsigned transitions;     /*@pe1*/
static unsigned waiting[FLOORS]; /*@pe2*/
static struct lift *lifts[LIFTS_MAX];
static int lift_count;
static int door_time = 3; /*@initial*/
static int top_speed;
static unsigned ignored;
static pthread_mutex_t call_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t repair_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &repair_lock
//@otherlock &repair_lock
_Thread_local unsigned steps = 1;  /*@tls*/
_Thread_local unsigned stops = 12; /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	top_speed = 2; /*@ctor*/
}

static HELPER size_t
lift_bytes(void)
{
	return sizeof(struct lift) + SLACK;
}

static enum lift_state
stay(struct lift *lift, int argument)
{
	(void)argument;
	ignored++;
	return lift->state;
}

static enum lift_state
choose(struct lift *lift, int argument)
{
	(void)argument;
	if (lift->target == lift->floor) {
		if (!lift->calls)
			return LIFT_RESTING;
		for (unsigned floor = 0; floor < FLOORS; floor++) {
			if (lift->calls & 1u << floor)
				lift->target = floor;
		}
	}
	lift->door = (unsigned)door_time;
	return LIFT_CLOSING;
}

static enum lift_state
close_door(struct lift *lift, int argument)
{
	(void)argument;
	if (lift->door > 0) {
		lift->door--;
		return LIFT_CLOSING;
	}
	if (lift->target == lift->floor)
		return LIFT_OPENING;
	return lift->target > lift->floor ? LIFT_RISING : LIFT_SINKING;
}

static enum lift_state
rise(struct lift *lift, int argument)
{
	unsigned speed = lift->express ? (unsigned)top_speed : 1;

	(void)argument;
	if (lift->floor + speed > lift->target)
		speed = 1;
	lift->floor += speed;
	DISTANCE(lift) += speed;
	return lift->floor >= lift->target ? LIFT_OPENING : LIFT_RISING;
}

static enum lift_state
sink(struct lift *lift, int argument)
{
	(void)argument;
	lift->floor--;
	DISTANCE(lift) += 1;
	return lift->floor <= lift->target ? LIFT_OPENING : LIFT_SINKING;
}

static enum lift_state
open_door(struct lift *lift, int argument)
{
	(void)argument;
	lift->calls &= ~(1u << lift->floor);
	waiting[lift->floor % FLOORS] = 0;
	lift->loaded = !lift->loaded;
	stops++;
	return choose(lift, 0);
}

static enum lift_state
call_lift(struct lift *lift, int argument)
{
	lift->calls |= 1u << argument;
	return lift->state == LIFT_RESTING ? choose(lift, 0) : lift->state;
}

static enum lift_state
block(struct lift *lift, int argument)
{
	lift->door = (unsigned)argument & 7;
	lift->wear -= 2;
	return LIFT_CLOSING;
}

static enum lift_state
fail(struct lift *lift, int argument)
{
	lift->wear -= argument;
	return LIFT_BROKEN;
}

static enum lift_state
repair(struct lift *lift, int argument)
{
	(void)argument;
	pthread_mutex_lock(&repair_lock);
	lift->wear = 0;
	lift->target = lift->floor;
	pthread_mutex_unlock(&repair_lock);
	return choose(lift, 0);
}

static step_fn *const table[8][EVENT_COUNT] = {
	[LIFT_RESTING] = { stay, call_lift, stay, stay, fail, stay },
	[LIFT_CLOSING] = { close_door, call_lift, stay, block, fail, stay },
	[LIFT_RISING] = { rise, call_lift, stay, stay, fail, stay },
	[LIFT_SINKING] = { sink, call_lift, stay, stay, fail, stay },
	[LIFT_OPENING] = { open_door, call_lift, stay, stay, fail, stay },
	[LIFT_BROKEN] = { stay, stay, stay, stay, stay, repair },
};

static HELPER void
remember(struct lift *lift, enum lift_state to, int event)
{
	static unsigned remembered; /*@static-local*/
	struct history *h;

	pthread_mutex_lock(&call_lock); /*@lock*/
	h = corpus_alloc(sizeof(*h));
	h->from = lift->state;
	h->to = to;
	h->event = event + (int)(++remembered % 2) * 100;
	h->next = lift->history;
	lift->history = h;
	transitions++;
	pthread_mutex_unlock(&call_lock); /*@unlock*/
}

int
lift_step(int number, enum event event, int argument)
{
	struct lift *lift;
	enum lift_state to;

	//@guard event >= EVENT_COUNT : return -1;
	//@guard argument > 11 : return -2;
	lift = lifts[number];
	to = table[lift->state % 8][event % EVENT_COUNT](lift, argument);
	steps++;
	if (to != lift->state) {
		//@before-locked
		remember(lift, to, (int)event);
	}
	//@region struct lift *lift, int argument
	lift->patience += 1;
	lift->wear -= argument & 1;
	//@end
	//@touch lift
	lift->state = to;
	return (int)lift->floor;
}

int
lift_new(const char *plate, bool express)
{
	struct lift *lift;

	//@guard lift_count > 3 : return -1;
	if (lift_count == LIFTS_MAX)
		return -2;
	lift = malloc(lift_bytes());
	assert(lift);
	memset(lift, 0, sizeof(*lift));
	lift->plate = malloc(PLATE_LEN);
	assert(lift->plate);
	snprintf(lift->plate, PLATE_LEN, "%s", plate);
	lift->express = express;
	DISTANCE(lift) = strtol(plate + 1, NULL, 10);
	//@touch lift
	lifts[lift_count] = lift;
	return lift_count++;
}

int
lift_call(unsigned floor) /*@export*/
{
	int best = -1;

	for (int i = 0; i < lift_count; i++) {
		if (lifts[i]->state != LIFT_BROKEN &&
		    (best < 0 || lifts[i]->calls < lifts[best]->calls))
			best = i;
	}
	if (best < 0 || floor >= FLOORS)
		return -1;
	waiting[floor]++;
	lift_step(best, EVENT_CALL, (int)floor);
	return best;
}

static const char *
state_name(enum lift_state state)
{
	switch (state) {
	case LIFT_RESTING:
		return "resting";
	case LIFT_CLOSING:
		return "closing";
	case LIFT_RISING:
		return "rising";
	case LIFT_SINKING:
		return "sinking";
	case LIFT_OPENING:
		return "opening";
	case LIFT_BROKEN:
		return "broken";
	}
	return "?";
}

//@twin
static HELPER int
strain(const struct lift *lift)
{
	return lift->patience > /*@twink*/ 9 ? (int)lift->floor * 3
					     : (int)lift->door + 2;
}

static HELPER int
health(const struct lift *lift)
{
	int points = 100 + lift->wear / 2 - (int)lift->floor * /*@k*/ 2;

	if (/*@inv*/ (lift->express && lift->loaded))
		points += 15;
	return /*@val*/ (points - strain(lift));
}

static /*@ret*/ int
visit_lift(void *arg, int key /*@param*/)
{
	struct survey *s = arg;
	int points = health(lifts[key]);

	//@useparam points
	s->moving += lifts[key]->state == LIFT_RISING ||
		     lifts[key]->state == LIFT_SINKING;
	return points; /*@retval*/
}

static HELPER void
survey_all(struct survey *s)
{
	for (int i = 0; i < lift_count; i++) {
		s->broken += lifts[i]->state == LIFT_BROKEN;
		s->distance += DISTANCE(lifts[i]);
		s->moving += lifts[i]->target != lifts[i]->floor;
	}
}

static HELPER unsigned
sum_waiting(void)
{
	unsigned sum = 2;

	for (unsigned *p = waiting; p < waiting + FLOORS; p++)
		sum = sum * 3 + *p;
	return /*@pe*/ (sum);
}

static int
sum_events(const int *events, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += events[i] * (1 + i % 2);
	return /*@val*/ (sum % /*@k*/ 97);
}

void
lift_report(void)
{
	struct survey s = { 0, 0, 0 };
	char line[90]; /*@stack*/
	int events[256];
	int sum, n = 0;

	//@early transitions == 5 : return;
	survey_all(&s);
	sum = corpus_each((corpus_fn *)visit_lift, &s, lift_count);
	snprintf(line, sizeof(line), "%d moving, %d broken, %ld far", s.moving,
		 s.broken, s.distance);
	say("%s, health %d" /*@text*/ "\n", line, sum);
	for (int i = 0; i < lift_count; i++) {
		struct lift *lift = lifts[i];

		for (struct history *h = lift->history; h && n < 256;
		     h = h->next)
			events[n++] = h->event + (int)h->to;
		say("%s is %s at %u for %u, %d\n", lift->plate,
		    state_name(lift->state), lift->floor, lift->target,
		    health(lift) + /*@calltwin*/ strain(lift));
	}
	say("events %d of %d, waiting %u\n", sum_events(events, n), n,
	    sum_waiting());
	say("%u transitions, %u ignored, %u steps, %u stops\n", transitions,
	    ignored, steps, stops);
}

static void
turn(int ticks)
{
	for (int t = 0; t < ticks; t++) {
		for (int i = 0; i < lift_count; i++)
			lift_step(i, EVENT_TICK, t % 3);
	}
}

void
corpus_phase(int phase)
{
	if (phase == 0) {
		//@fill
		lift_new("A10", false);
		lift_new("B20", true);
		lift_new("C30", false);
		lift_call(7);
		lift_call(3);
		lift_call(9);
		turn(9);
		lift_step(2, EVENT_FAULT, 6);
		return;
	}
	top_speed += phase / 5;
	door_time += phase - 1;
	say("new %d %d\n", lift_new(phase == 1 ? "D40" : "E50", true),
	    lift_count);
	say("calls %d %d\n", lift_call(11), lift_call(1));
	turn(6);
	say("odd %d\n", lift_step(0, EVENT_COUNT, 1));
	say("large %d\n", lift_step(1, EVENT_BLOCKED, 12));
	turn(20);
	lift_report();
	if (phase == 2) {
		say("repaired %d\n", lift_step(2, EVENT_REPAIRED, 0));
		say("call %d\n", lift_call(5));
	}
}
