// SPDX-License-Identifier: Apache-2.0

/** @file Plugins that filter samples: a registry, chains, options, statistics. */

#include "corpus.h"

#define CHAIN      10 /*@grow*/
#define OPTION_LEN 40 /*@alloc*/
#define SLACK      8  /*@asize*/
#define SAMPLES    32

//@enum
enum plug_state {
	PLUG_LOADED,
	PLUG_READY,
	PLUG_ACTIVE,
	PLUG_SUSPENDED,
};

struct plug;

struct interface {
	const char *name;
	int (*set)(struct plug *plug, const char *value);
	long (*filter)(struct plug *plug, long sample);
	int (*state)(const struct plug *plug);
};

struct plug {
	const struct interface *interface;
	/*@mid*/
	enum plug_state state; /*@swap*/
	unsigned processed;    /*@swap*/
	char *option;
	long memory[3];
	signed char gain;
	/*@hole*/
	int balance;       /*@type*/
	unsigned slot : 4; /*@bits*/
	unsigned clipped : 10;
	unsigned bypass : 1;
	union {
		long i;
		double d;
	} u;
	/*@endm*/
};

#define LEVEL(p) ((p)->u.i) /*@union*/

struct range {
	long low;
	/*@frame*/
	long high;
	int count;
};

static unsigned passes;           /*@pe1*/
static struct plug *chain[CHAIN]; /*@pe2*/
static int chain_length;
static long samples[SAMPLES];
static int ceiling = 900; /*@initial*/
static int revision;
static unsigned rejected;
static pthread_mutex_t chain_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t sample_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &sample_lock
//@otherlock &sample_lock
_Thread_local unsigned filtered = 6;     /*@tls*/
_Thread_local unsigned clipped_here = 2; /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	revision = 31; /*@ctor*/
}

static HELPER size_t
plug_bytes(void)
{
	return sizeof(struct plug) + SLACK;
}

static int
set_gain(struct plug *plug, const char *value)
{
	long gain = strtol(value, NULL, 10);

	if (gain < -20 || gain > 20)
		return -1;
	plug->gain = (signed char)gain;
	return 0;
}

static long
filter_gain(struct plug *plug, long sample)
{
	return sample * (10 + plug->gain) / 10;
}

static int
state_gain(const struct plug *plug)
{
	return plug->gain;
}

static int
set_delay(struct plug *plug, const char *value)
{
	for (int i = 0; i < 3; i++)
		plug->memory[i] = value[0] - '0';
	return 0;
}

static long
filter_delay(struct plug *plug, long sample)
{
	long old = plug->memory[plug->processed % 3];

	plug->memory[plug->processed % 3] = sample;
	return (sample + old) / 2;
}

static int
state_delay(const struct plug *plug)
{
	return (int)(plug->memory[0] + plug->memory[1] * 2 +
		     plug->memory[2] * 3);
}

static int
set_gate(struct plug *plug, const char *value)
{
	LEVEL(plug) = strtol(value, NULL, 0);
	return LEVEL(plug) < 0 ? -1 : 0;
}

static long
filter_gate(struct plug *plug, long sample)
{
	if (sample < LEVEL(plug) && sample > -LEVEL(plug))
		return 0;
	return sample;
}

static int
state_gate(const struct plug *plug)
{
	return (int)LEVEL(plug) + (int)plug->clipped;
}

static const struct interface interfaces[] = {
	{ "gain", set_gain, filter_gain, state_gain },
	{ "delay", set_delay, filter_delay, state_delay },
	{ "gate", set_gate, filter_gate, state_gate },
};

static HELPER void
append(struct plug *plug)
{
	static unsigned appended; /*@static-local*/

	pthread_mutex_lock(&chain_lock); /*@lock*/
	plug->slot = (unsigned)chain_length;
	plug->state = PLUG_READY;
	plug->balance = 5 - (int)(++appended * 3);
	chain[chain_length++] = plug;
	pthread_mutex_unlock(&chain_lock); /*@unlock*/
}

int
plug_load(const char *name, const char *option)
{
	const struct interface *found = NULL;
	struct plug *plug;

	//@guard chain_length > 5 : return -1;
	//@guard strlen(option) > 16 : return -2;
	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]);
	     i++) {
		if (strcmp(interfaces[i].name, name) == 0)
			found = &interfaces[i];
	}
	if (!found || chain_length == CHAIN) {
		rejected++;
		return -3;
	}
	plug = malloc(plug_bytes());
	assert(plug);
	memset(plug, 0, sizeof(*plug));
	plug->interface = found;
	plug->state = PLUG_LOADED;
	plug->option = malloc(OPTION_LEN);
	assert(plug->option);
	snprintf(plug->option, OPTION_LEN, "%s=%s", name, option);
	if (found->set(plug, option)) {
		free(plug->option);
		free(plug);
		rejected++;
		return -4;
	}
	//@touch plug
	//@before-locked
	append(plug);
	return (int)plug->slot;
}

static HELPER long
clip(struct plug *plug, long sample)
{
	if (sample > ceiling || sample < -ceiling) {
		plug->clipped++;
		clipped_here++;
		return sample > 0 ? ceiling : -ceiling;
	}
	return sample;
}

static long
process(struct plug *plug, long sample)
{
	if (plug->bypass || plug->state == PLUG_SUSPENDED)
		return sample;
	//@guard sample > 20000 : return 0;
	plug->state = PLUG_ACTIVE;
	sample = clip(plug, plug->interface->filter(plug, sample));
	//@region struct plug *plug, long sample
	plug->processed++;
	plug->balance += sample > 0 ? 1 : -1;
	//@end
	//@touch plug
	filtered++;
	return sample;
}

long
chain_run(const long *input, int n)
{
	long sum = 0;

	for (int i = 0; i < n; i++) {
		long sample = input[i];

		for (int k = 0; k < chain_length; k++)
			sample = process(chain[k], sample);
		pthread_mutex_lock(&sample_lock);
		samples[i % SAMPLES] = sample;
		pthread_mutex_unlock(&sample_lock);
		sum += sample;
	}
	passes++;
	return sum;
}

int
plug_suspend(int slot, bool suspend) /*@export*/
{
	if (slot < 0 || slot >= chain_length)
		return -1;
	chain[slot]->state = suspend ? PLUG_SUSPENDED : PLUG_READY;
	return (int)chain[slot]->processed;
}

static const char *
state_name(enum plug_state state)
{
	switch (state) {
	case PLUG_LOADED:
		return "loaded";
	case PLUG_READY:
		return "ready";
	case PLUG_ACTIVE:
		return "active";
	case PLUG_SUSPENDED:
		return "suspended";
	}
	return "?";
}

//@twin
static HELPER int
heat(const struct plug *p)
{
	return p->processed > /*@twink*/ 30 ? (int)p->processed / 4
					    : (int)p->slot + 3;
}

static HELPER int
quality(const struct plug *p)
{
	int points = p->balance / 2 + (int)p->slot * /*@k*/ 8;

	if (/*@inv*/ (p->clipped > 2))
		points -= 60;
	return /*@val*/ (points + heat(p));
}

static /*@ret*/ int
visit_plug(void *arg, int key /*@param*/)
{
	struct range *r = arg;
	const struct plug *p = chain[key];
	int points = p->interface->state(p) + quality(p);

	//@useparam points
	r->count += p->state == PLUG_ACTIVE;
	return points; /*@retval*/
}

static HELPER void
find_range(struct range *r)
{
	for (int i = 0; i < SAMPLES; i++) {
		if (samples[i] < r->low)
			r->low = samples[i];
		if (samples[i] > r->high)
			r->high = samples[i];
	}
	r->count = 0;
}

static HELPER unsigned
sum_chain(void)
{
	unsigned sum = 6;

	for (struct plug **p = chain; p < chain + CHAIN; p++)
		sum = sum * 5 + (*p ? (*p)->processed + (*p)->slot : 1);
	return /*@pe*/ (sum);
}

static int
energy(const long *values, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += (int)(values[i] * values[i] / 64);
	return /*@val*/ (sum - /*@k*/ 13);
}

void
plug_report(void)
{
	struct range r = { 0, 0, 0 };
	char line[64]; /*@stack*/
	int sum;

	//@early passes == 77 : return;
	find_range(&r);
	sum = corpus_each((corpus_fn *)visit_plug, &r, chain_length);
	snprintf(line, sizeof(line), "from %ld to %ld, %d active", r.low,
		 r.high, r.count);
	say("%s" /*@text*/ ", sum %d\n", line, sum);
	for (int i = 0; i < chain_length; i++)
		say("%s %s %d\n", chain[i]->option, state_name(chain[i]->state),
		    quality(chain[i]) + /*@calltwin*/ heat(chain[i]));
	say("energy %d, chain %u\n", energy(samples, SAMPLES), sum_chain());
	say("%u passes, %u rejected, %u filtered, %u clipped, revision %d\n",
	    passes, rejected, filtered, clipped_here, revision);
}

static long
feed(int n, unsigned seed)
{
	long input[SAMPLES];

	for (int i = 0; i < n; i++)
		input[i] = (long)(corpus_random(&seed) % 2000) - 1000;
	return chain_run(input, n);
}

void
corpus_phase(int phase)
{
	static const long large[] = { 50, 30000, -40 };

	if (phase == 0) {
		//@fill
		plug_load("gain", "4");
		plug_load("delay", "7");
		plug_load("gate", "0x20");
		plug_load("gain", "-6");
		plug_load("gain", "99");
		feed(24, 3);
		return;
	}
	revision += phase / 5;
	ceiling += phase;
	say("fed %ld\n", feed(30, (unsigned)phase));
	say("large %ld\n", chain_run(large, 3));
	say("load %d %d\n", plug_load("delay", "1"), plug_load("gate", "12"));
	say("long %d\n", plug_load("gate", "00000000000000000012"));
	say("none %d\n", plug_load("echo", "1"));
	plug_report();
	if (phase == 2)
		say("suspended %d\n", plug_suspend(1, true));
}
