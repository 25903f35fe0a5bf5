// SPDX-License-Identifier: Apache-2.0

/** @file Frames on a wire: an encoder and a decoder with streams and windows. */

#include "corpus.h"

#define STREAMS     16 /*@grow*/
#define PAYLOAD_LEN 96 /*@alloc*/
#define SLACK       16 /*@asize*/
#define WIRE_LEN    2048

//@enum
enum stream_state {
	STREAM_IDLE,
	STREAM_OPEN,
	STREAM_HALF,
	STREAM_STALLED,
	STREAM_CLOSED,
};

enum frame_kind { FRAME_DATA = 1, FRAME_OPEN, FRAME_CLOSE, FRAME_CREDIT };

struct stream {
	unsigned number;
	unsigned short label;
	/*@hole*/
	int credit; /*@type*/
	/*@mid*/
	enum stream_state state; /*@swap*/
	unsigned long bytes;     /*@swap*/
	char *payload;
	unsigned prio : 4; /*@bits*/
	unsigned frames : 12;
	unsigned even : 1;
	union {
		long i;
		double d;
	} u;
	struct stream *next;
	/*@endm*/
};

#define CHECKSUM(s) ((s)->u.i) /*@union*/

struct wire {
	unsigned char bytes[WIRE_LEN];
	size_t head;
	size_t tail;
};

struct frame {
	enum frame_kind kind;
	unsigned stream;
	unsigned length;
	const unsigned char *data;
};

struct balance {
	long credit;
	/*@frame*/
	long bytes;
	int open;
};

static unsigned errors;                 /*@pe1*/
static struct stream *streams[STREAMS]; /*@pe2*/
static struct wire wire;
static struct stream *order;
static int window = 60; /*@initial*/
static int protocol;
static unsigned decoded;
static pthread_mutex_t wire_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &order_lock
//@otherlock &order_lock
_Thread_local unsigned encoded_here = 2; /*@tls*/
_Thread_local unsigned decoded_here = 4; /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	protocol = 2; /*@ctor*/
}

static HELPER size_t
stream_bytes(void)
{
	return sizeof(struct stream) + SLACK;
}

static size_t
put_number(unsigned char *at, unsigned long number)
{
	size_t n = 0;

	while (number >= 0x80) {
		at[n++] = (unsigned char)(number | 0x80);
		number >>= 7;
	}
	at[n++] = (unsigned char)number;
	return n;
}

static size_t
get_number(const unsigned char *at, size_t len, unsigned long *ret)
{
	unsigned long number = 0;

	for (size_t i = 0; i < len && i < 5; i++) {
		number |= (unsigned long)(at[i] & 0x7f) << (7 * i);
		if (!(at[i] & 0x80)) {
			*ret = number;
			return i + 1;
		}
	}
	return 0;
}

static HELPER bool
append(const unsigned char *data, size_t len)
{
	static unsigned appended; /*@static-local*/
	bool room;

	pthread_mutex_lock(&wire_lock); /*@lock*/
	if (wire.head > WIRE_LEN / 2) {
		memmove(wire.bytes, wire.bytes + wire.head,
			wire.tail - wire.head);
		wire.tail -= wire.head;
		wire.head = 0;
	}
	room = wire.tail + len <= WIRE_LEN;
	if (room) {
		memcpy(wire.bytes + wire.tail, data, len);
		wire.tail += len;
		encoded_here += ++appended % 2;
	}
	pthread_mutex_unlock(&wire_lock); /*@unlock*/
	return room;
}

static int
encode(enum frame_kind kind, unsigned stream, const void *data, size_t len)
{
	unsigned char frame[256];
	size_t n = 0;

	//@guard len > 80 : return -1;
	if (len > 200)
		return -2;
	frame[n++] = (unsigned char)kind;
	n += put_number(frame + n, stream);
	n += put_number(frame + n, len);
	memcpy(frame + n, data, len);
	//@before-locked
	return append(frame, n + len) ? (int)(n + len) : -3;
}

int
codec_open(unsigned number, const char *label)
{
	struct stream *s;

	//@guard number == 13 : return -1;
	if (number >= STREAMS || streams[number])
		return -2;
	s = malloc(stream_bytes());
	assert(s);
	memset(s, 0, sizeof(*s));
	s->number = number;
	s->label = (unsigned short)corpus_hash(label);
	s->payload = malloc(PAYLOAD_LEN);
	assert(s->payload);
	s->payload[0] = 0;
	s->credit = window - 90;
	s->prio = (unsigned)strlen(label) & 7;
	s->state = STREAM_IDLE;
	CHECKSUM(s) = strtol(label + 1, NULL, 10);
	//@touch s
	pthread_mutex_lock(&order_lock);
	s->next = order;
	order = s;
	pthread_mutex_unlock(&order_lock);
	streams[number] = s;
	return encode(FRAME_OPEN, number, label, strlen(label));
}

int
codec_send(unsigned number, const char *text)
{
	struct stream *s = number < STREAMS ? streams[number] : NULL;

	if (!s || s->state == STREAM_CLOSED)
		return -1;
	//@guard text[0] == '~' : return -5;
	if (s->credit < -200) {
		s->state = STREAM_STALLED;
		return 0;
	}
	//@region struct stream *s, const char *text
	s->credit -= (int)strlen(text);
	s->frames++;
	//@end
	//@touch s
	return encode(FRAME_DATA, number, text, strlen(text));
}

int
codec_close(unsigned number) /*@export*/
{
	if (number >= STREAMS || !streams[number])
		return -1;
	streams[number]->state = STREAM_HALF;
	return encode(FRAME_CLOSE, number, "", 0);
}

static HELPER int
next_frame(struct frame *f)
{
	const unsigned char *at = wire.bytes + wire.head;
	size_t len = wire.tail - wire.head, used = 1, n;
	unsigned long number;

	if (!len)
		return 0;
	f->kind = (enum frame_kind)at[0];
	n = get_number(at + used, len - used, &number);
	if (!n)
		return -1;
	used += n;
	f->stream = (unsigned)number;
	n = get_number(at + used, len - used, &number);
	if (!n || number > len - used - n)
		return -1;
	used += n;
	f->length = (unsigned)number;
	f->data = at + used;
	wire.head += used + number;
	return 1;
}

static void
accept_data(struct stream *s, const struct frame *f)
{
	size_t len = strlen(s->payload);

	for (unsigned i = 0; i < f->length; i++)
		CHECKSUM(s) = CHECKSUM(s) * 3 + f->data[i];
	if (len + f->length < PAYLOAD_LEN) {
		memcpy(s->payload + len, f->data, f->length);
		s->payload[len + f->length] = 0;
	}
	s->bytes += f->length;
	s->even = !s->even;
}

static int
accept(const struct frame *f)
{
	struct stream *s = f->stream < STREAMS ? streams[f->stream] : NULL;

	if (!s)
		return -1;
	switch (f->kind) {
	case FRAME_DATA:
		if (s->state != STREAM_OPEN && s->state != STREAM_HALF)
			return -1;
		accept_data(s, f);
		return 0;
	case FRAME_OPEN:
		s->state = STREAM_OPEN;
		return 0;
	case FRAME_CLOSE:
		s->state = STREAM_CLOSED;
		return 0;
	case FRAME_CREDIT:
		s->credit += (int)f->length;
		return 0;
	}
	return -1;
}

int
codec_run(void)
{
	struct frame f = { FRAME_DATA, 0, 0, NULL };
	int n = 0, more;

	while ((more = next_frame(&f)) > 0) {
		errors += accept(&f) < 0;
		decoded++;
		decoded_here += 2;
		n++;
	}
	return more < 0 ? more : n;
}

static const char *
state_name(enum stream_state state)
{
	switch (state) {
	case STREAM_IDLE:
		return "idle";
	case STREAM_OPEN:
		return "open";
	case STREAM_HALF:
		return "half";
	case STREAM_STALLED:
		return "stalled";
	case STREAM_CLOSED:
		return "closed";
	}
	return "?";
}

//@twin
static HELPER int
bulk(const struct stream *s)
{
	return s->frames > /*@twink*/ 4 ? (int)s->bytes / 2
					: (int)s->frames * 9;
}

static HELPER int
urgency(const struct stream *s)
{
	int points = s->credit / 2 + (int)s->prio * /*@k*/ 12;

	if (/*@inv*/ (s->even && s->state == STREAM_OPEN))
		points += 33;
	return /*@val*/ (points - bulk(s));
}

static /*@ret*/ int
visit_stream(void *arg, int key /*@param*/)
{
	struct balance *b = arg;
	const struct stream *s = streams[key];
	int points = s ? urgency(s) : 0;

	//@useparam points
	b->open += s && s->state == STREAM_OPEN;
	return points; /*@retval*/
}

static HELPER void
sum_up(struct balance *b)
{
	for (const struct stream *s = order; s; s = s->next) {
		b->credit += s->credit;
		b->bytes += (long)s->bytes;
		b->open += s->label & 1;
	}
}

static HELPER unsigned
sum_streams(void)
{
	unsigned sum = 8;

	for (struct stream **p = streams; p < streams + STREAMS; p++)
		sum = sum * 3 + (*p ? (*p)->label + (*p)->frames : 2);
	return /*@pe*/ (sum);
}

static int
mix(const char *text, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += text[i] ^ (i & 15);
	return /*@val*/ (sum % /*@k*/ 211);
}

void
codec_report(void)
{
	struct balance b = { 0, 0, 0 };
	char line[76]; /*@stack*/
	int sum;

	//@early errors == 50 : return;
	sum_up(&b);
	sum = corpus_each((corpus_fn *)visit_stream, &b, STREAMS);
	snprintf(line, sizeof(line), "credit %ld, %ld bytes, %d open", b.credit,
		 b.bytes, b.open);
	say("%s" /*@text*/ ", urgency %d\n", line, sum);
	for (const struct stream *s = order; s; s = s->next)
		say("%u %s %lx %d: %s, %d\n", s->number, state_name(s->state),
		    CHECKSUM(s), urgency(s) + /*@calltwin*/ bulk(s), s->payload,
		    mix(s->payload, (int)strlen(s->payload)));
	say("%u decoded, %u errors, streams %u, protocol %d\n", decoded, errors,
	    sum_streams(), protocol);
	say("%u encoded here, %u decoded here\n", encoded_here, decoded_here);
}

void
corpus_phase(int phase)
{
	char text[64];

	if (phase == 0) {
		//@fill
		for (unsigned i = 0; i < 6; i++) {
			snprintf(text, sizeof(text), "s%u-stream", i * 5);
			codec_open(i * 2, text);
		}
		for (int i = 0; i < 16; i++) {
			snprintf(text, sizeof(text), "<%d>", i * 31);
			codec_send((unsigned)i % 13, text);
		}
		codec_run();
		codec_send(4, "on the way");
		return;
	}
	protocol += phase / 5;
	window += phase;
	say("open %d %d\n", codec_open(13, "s13"),
	    codec_open(phase == 1 ? 7 : 9, "s7"));
	for (unsigned i = 0; i < 12; i += 2) {
		snprintf(text, sizeof(text), "[phase %d of %u]", phase, i);
		say("sent %d\n", codec_send(i, text));
	}
	say("odd %d\n", codec_send(2, "~"));
	say("long %d\n",
	    codec_send(8, "a text that is so long that it is more than eighty "
			  "letters, which is a lot of letters to send"));
	say("ran %d\n", codec_run());
	codec_report();
	if (phase == 2)
		say("closed %d %d\n", codec_close(6), codec_run());
}
