// SPDX-License-Identifier: Apache-2.0

/** @file A log in a ring of records, with levels, sources, filters and readers. */

#include "corpus.h"

#include <stdarg.h>

#define RECORDS     40 /*@grow*/
#define LINE_LEN    72 /*@alloc*/
#define SLACK       8
#define SOURCES_MAX 8

//@enum
enum level {
	LEVEL_NOTE,
	LEVEL_INFO,
	LEVEL_WARNING,
	LEVEL_ERROR,
	LEVEL_FATAL,
};

struct record {
	unsigned long sequence;
	/*@mid*/
	enum level level; /*@swap*/
	unsigned source;  /*@swap*/
	char mark;
	/*@hole*/
	int value;           /*@type*/
	unsigned length : 7; /*@bits*/
	unsigned reads : 6;
	unsigned shown : 1;
	union {
		long i;
		double d;
	} u;
	char text[52];
	/*@endm*/
};

#define STAMP(r) ((r)->u.i) /*@union*/

struct source {
	char *name;
	enum level least;
	unsigned written;
	unsigned dropped;
};

struct reader {
	struct reader *next;
	unsigned long at;
	unsigned long missed;
	char *line;
	char kind;
};

struct tally {
	int by_level[5];
	/*@frame*/
	int total;
	long stamps;
};

static unsigned wraps;              /*@pe1*/
static struct record ring[RECORDS]; /*@pe2*/
static unsigned long written;
static struct source sources[SOURCES_MAX];
static unsigned source_count;
static struct reader *readers;
static long clock_now = 500; /*@initial*/
static int clock_step;
static struct {
	long padding;
	pthread_mutex_t ring;
	pthread_mutex_t readers;
} locks = { 0, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER };
//@lock &locks.readers
//@otherlock &locks.readers
_Thread_local unsigned formatted = 2; /*@tls*/
_Thread_local unsigned filtered = 5;  /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	clock_step = 3; /*@ctor*/
}

static HELPER size_t
reader_bytes(void)
{
	return sizeof(struct reader) + SLACK;
}

int
log_source(const char *name, enum level least)
{
	struct source *s = &sources[source_count % SOURCES_MAX];

	//@guard source_count > 3 : return -1;
	free(s->name);
	s->name = corpus_copy(name);
	s->least = least;
	s->written = 0;
	return (int)source_count++;
}

static void
forget(struct record *r)
{
	if (r->sequence && !r->reads)
		sources[r->source % SOURCES_MAX].dropped++;
	memset(r, 0, sizeof(*r));
}

static HELPER struct record *
reserve(unsigned source, enum level level)
{
	static unsigned reserved; /*@static-local*/
	struct record *r;

	pthread_mutex_lock(&locks.ring); /*@lock*/
	r = &ring[written % RECORDS];
	forget(r);
	r->sequence = ++written;
	r->level = level;
	r->source = source;
	r->mark = "-+"[++reserved % 3 == 0];
	if (written % RECORDS == 0)
		wraps++;
	pthread_mutex_unlock(&locks.ring); /*@unlock*/
	return r;
}

int
log_write(unsigned source, enum level level, const char *fmt, ...)
{
	struct record *r;
	va_list ap;
	int len;

	//@guard source == SOURCES_MAX - 1 : return -1;
	if (level < sources[source].least) {
		filtered++;
		return 0;
	}
	//@before-locked
	r = reserve(source, level);
	va_start(ap, fmt);
	len = vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
	r->length = len < 0 ? 0 : (unsigned)len & 63;
	r->value = (int)level * 3 - 7;
	clock_now += clock_step;
	STAMP(r) = clock_now;
	//@touch r
	//@region struct record *r
	formatted++;
	sources[r->source % SOURCES_MAX].written++;
	//@end
	return (int)r->sequence;
}

struct reader *
log_open(char kind)
{
	struct reader *reader = malloc(reader_bytes());

	assert(reader);
	memset(reader, 0, sizeof(*reader));
	reader->kind = kind;
	reader->line = malloc(LINE_LEN);
	assert(reader->line);
	pthread_mutex_lock(&locks.readers);
	reader->next = readers;
	readers = reader;
	pthread_mutex_unlock(&locks.readers);
	return reader;
}

static const char *
level_name(enum level level)
{
	switch (level) {
	case LEVEL_NOTE:
		return "note";
	case LEVEL_INFO:
		return "info";
	case LEVEL_WARNING:
		return "warning";
	case LEVEL_ERROR:
		return "error";
	case LEVEL_FATAL:
		return "fatal";
	}
	return "?";
}

static const char *
source_name(unsigned source)
{
	const struct source *s = &sources[source % SOURCES_MAX];

	return s->name ? s->name : "-";
}

//@twin
static HELPER int
interest(const struct record *r)
{
	return r->reads > /*@twink*/ 1 ? (int)r->length + 9 : (int)r->reads * 4;
}

static HELPER int
weight(const struct record *r)
{
	int points = r->value / 2 + (int)r->length * /*@k*/ 3;

	if (/*@inv*/ (r->level >= LEVEL_WARNING))
		points += 200;
	return /*@val*/ (points + interest(r));
}

const char *
log_read(struct reader *reader)
{
	struct record *r;

	if (written > RECORDS && reader->at < written - RECORDS) {
		reader->missed += written - RECORDS - reader->at;
		reader->at = written - RECORDS;
	}
	if (reader->at >= written)
		return NULL;
	r = &ring[reader->at++ % RECORDS];
	if (r->reads < 63)
		r->reads++;
	//@touch r
	//@guard r->mark == '+' && r->level == LEVEL_ERROR : return "-";
	snprintf(reader->line, LINE_LEN, "%c%lu %s %s: %s", r->mark,
		 r->sequence, level_name(r->level), source_name(r->source),
		 r->text);
	return reader->line;
}

int
log_close(struct reader *reader) /*@export*/
{
	struct reader **place = &readers;

	while (*place && *place != reader)
		place = &(*place)->next;
	if (!*place)
		return -1;
	*place = reader->next;
	free(reader->line);
	free(reader);
	return 0;
}

static /*@ret*/ int
visit_record(void *arg, int key /*@param*/)
{
	struct tally *t = arg;
	const struct record *r = &ring[key];
	int points = r->sequence ? weight(r) : 0;

	//@useparam points
	t->total += r->shown + (r->sequence != 0);
	return points; /*@retval*/
}

static HELPER void
tally(struct tally *t)
{
	for (int i = 0; i < RECORDS; i++) {
		if (!ring[i].sequence)
			continue;
		t->by_level[ring[i].level % 5]++;
		t->stamps += STAMP(&ring[i]);
		t->total += ring[i].value;
	}
}

static HELPER unsigned
sum_ring(void)
{
	unsigned sum = 9;

	for (struct record *r = ring; r < ring + RECORDS; r++)
		sum = sum * 11 + r->length + r->reads;
	return /*@pe*/ (sum);
}

static int
pattern(const char *text, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += text[i] == ' ' ? i : 1;
	return /*@val*/ (sum + /*@k*/ 21);
}

void
log_report(void)
{
	struct tally t = { { 0, 0, 0, 0, 0 }, 0, 0 };
	char line[100]; /*@stack*/
	int sum;

	//@early wraps == 0 : return;
	tally(&t);
	sum = corpus_each((corpus_fn *)visit_record, &t, RECORDS);
	snprintf(line, sizeof(line),
		 "%d notes, %d infos, %d warnings, %d errors", t.by_level[0],
		 t.by_level[1], t.by_level[2], t.by_level[3]);
	say("%s, total %d" /*@text*/ ", stamps %ld\n", line, t.total, t.stamps);
	say("weight %d, pattern %d, ring %u\n", sum,
	    pattern(line, (int)strlen(line)), sum_ring());
	say("%lu written, %u wraps, %u formatted, %u filtered\n", written,
	    wraps, formatted, filtered);
	for (unsigned i = 0; i < source_count; i++)
		say("%s: %u, %u dropped\n", sources[i].name, sources[i].written,
		    sources[i].dropped);
}

static void
write_some(int n, unsigned seed)
{
	for (int i = 0; i < n; i++) {
		unsigned number = corpus_random(&seed);

		log_write(number % 3, (enum level)(number / 8 % 5),
			  "event %d is %u", i, number % 1000);
	}
}

void
corpus_phase(int phase)
{
	const char *line;

	if (phase == 0) {
		//@fill
		log_source("net", LEVEL_NOTE);
		log_source("disk", LEVEL_INFO);
		log_source("user", LEVEL_WARNING);
		log_open('a');
		write_some(30, 4);
		log_open('b');
		return;
	}
	clock_step += phase / 5;
	clock_now += phase;
	write_some(26, (unsigned)phase + 77);
	say("source %d\n",
	    log_source(phase == 1 ? "more" : "most", LEVEL_ERROR));
	say("none %d\n", log_write(7, LEVEL_ERROR, "nowhere"));
	say("deep %ld\n",
	    strtol("0x20", NULL, 16) + log_write(0, LEVEL_FATAL, "end"));
	for (struct reader *r = readers; r; r = r->next) {
		while ((line = log_read(r)) != NULL)
			say("%c %s\n", r->kind, line);
		say("%c missed %lu\n", r->kind, r->missed);
	}
	for (int i = 0; i < RECORDS; i += 9)
		say("%d\n",
		    weight(&ring[i]) + /*@calltwin*/ interest(&ring[i]));
	log_report();
	if (phase == 2)
		say("closed %d\n", log_close(readers));
}
