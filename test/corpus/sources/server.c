// SPDX-License-Identifier: Apache-2.0

/** @file A server of a line protocol: connections, sessions, mail boxes. */

#include "corpus.h"

#include <ctype.h>

#define CONNECTIONS 16  /*@grow*/
#define INPUT_LEN   128 /*@alloc*/
#define SLACK       24  /*@asize*/
#define BOX_MAX     32

//@enum
enum conn_state {
	CONN_CLOSED,
	CONN_GREETED,
	CONN_KNOWN,
	CONN_WRITING,
	CONN_LEAVING,
};

struct message {
	struct message *next;
	char *from;
	char *text;
	unsigned number;
};

struct conn {
	int id;
	/*@mid*/
	enum conn_state state; /*@swap*/
	unsigned commands;     /*@swap*/
	char *input;
	char *user;
	char *draft;
	unsigned short port;
	/*@hole*/
	int errors;         /*@type*/
	unsigned level : 3; /*@bits*/
	unsigned quiet : 1;
	unsigned bytes : 20;
	union {
		long i;
		double d;
	} u;
	struct box *box;
	/*@endm*/
};

#define CREDIT(c) ((c)->u.i) /*@union*/

struct box {
	struct box *next;
	char *owner;
	struct message *first;
	struct message *last;
	unsigned count;
};

struct totals {
	int open;
	/*@frame*/
	int errors;
	unsigned commands;
};

typedef int
command_fn(struct conn *c, char *argument);

struct command {
	const char *name;
	command_fn *run;
	bool needs_user;
};

static unsigned served;                       /*@pe1*/
static struct conn *connections[CONNECTIONS]; /*@pe2*/
static struct box *boxes;
static unsigned messages;
static int patience = 5; /*@initial*/
static int banner;
static struct {
	pthread_mutex_t boxes;
	pthread_mutex_t table;
} locks = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER };
//@lock &locks.table
//@otherlock &locks.table
_Thread_local unsigned handled = 3; /*@tls*/
_Thread_local unsigned refused = 8; /*@tls*/

static command_fn do_hello, do_user, do_write, do_line, do_list, do_quit;

static const struct command commands[] = {
	{ "HELLO", do_hello, false }, { "USER", do_user, false },
	{ "WRITE", do_write, true },  { "LINE", do_line, true },
	{ "LIST", do_list, true },    { "QUIT", do_quit, false },
};

//@top

__attribute__((constructor)) static void
start(void)
{
	banner = 220; /*@ctor*/
}

static HELPER size_t
conn_bytes(void)
{
	return sizeof(struct conn) + SLACK;
}

static struct box *
box_of(const char *owner)
{
	struct box *b = boxes;

	while (b && strcmp(b->owner, owner) != 0)
		b = b->next;
	if (b)
		return b;
	b = corpus_alloc(sizeof(*b));
	b->owner = corpus_copy(owner);
	b->next = boxes;
	boxes = b;
	return b;
}

static HELPER void
deliver(struct box *b, const char *from, const char *text)
{
	static unsigned number; /*@static-local*/
	struct message *m;

	pthread_mutex_lock(&locks.boxes); /*@lock*/
	m = corpus_alloc(sizeof(*m));
	m->from = corpus_copy(from);
	m->text = corpus_copy(text);
	m->number = ++number;
	if (b->last)
		b->last->next = m;
	else
		b->first = m;
	b->last = m;
	b->count++;
	messages++;
	pthread_mutex_unlock(&locks.boxes); /*@unlock*/
}

static int
do_hello(struct conn *c, char *argument)
{
	if (c->state != CONN_CLOSED)
		return 503;
	c->state = CONN_GREETED;
	c->quiet = argument[0] == 'q';
	return banner;
}

static int
do_user(struct conn *c, char *argument)
{
	//@guard strlen(argument) > 12 : return 501;
	if (c->state != CONN_GREETED || !*argument)
		return 503;
	free(c->user);
	c->user = corpus_copy(argument);
	c->box = box_of(argument);
	c->state = CONN_KNOWN;
	//@touch c
	CREDIT(c) = 10;
	return 250;
}

static int
do_write(struct conn *c, char *argument)
{
	if (c->state != CONN_KNOWN)
		return 503;
	free(c->draft);
	c->draft = corpus_copy(argument);
	c->state = CONN_WRITING;
	return 354;
}

static int
do_line(struct conn *c, char *argument)
{
	if (c->state != CONN_WRITING)
		return 503;
	//@guard argument[0] == '%' : return 554;
	if (CREDIT(c) <= 0)
		return 452;
	CREDIT(c) -= 1;
	//@region struct conn *c
	c->level = c->level < 7 ? c->level + 1 : 7;
	c->bytes += 11;
	//@end
	//@before-locked
	deliver(box_of(c->draft), c->user, argument);
	c->state = CONN_KNOWN;
	return 250;
}

static int
do_list(struct conn *c, char *argument)
{
	long from = strtol(argument, NULL, 10);
	int n = 0;

	for (struct message *m = c->box->first; m; m = m->next)
		n += (long)m->number >= from;
	return 1000 + n;
}

static int
do_quit(struct conn *c, char *argument)
{
	c->state = CONN_LEAVING;
	return argument[0] ? 501 : 221;
}

static HELPER int
dispatch(struct conn *c, const char *word, char *argument)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, word) != 0)
			continue;
		if (commands[i].needs_user && !c->user)
			return 530;
		return commands[i].run(c, argument);
	}
	return 500;
}

int
server_feed(int id, const char *line)
{
	struct conn *c;
	char *argument;
	int code;

	//@guard id < 0 || id >= CONNECTIONS : return -1;
	c = connections[id];
	if (!c)
		return -2;
	snprintf(c->input, INPUT_LEN, "%s", line);
	argument = strchr(c->input, ' ');
	if (argument)
		*argument++ = 0;
	else
		argument = c->input + strlen(c->input);
	c->commands++;
	handled++;
	code = dispatch(c, c->input, argument);
	if (code >= 400 && code < 1000) {
		c->errors -= patience;
		refused++;
	}
	//@touch c
	return code;
}

int
server_open(unsigned short port)
{
	for (int id = 0; id < CONNECTIONS; id++) {
		struct conn *c;

		if (connections[id])
			continue;
		c = malloc(conn_bytes());
		assert(c);
		memset(c, 0, sizeof(*c));
		c->id = id;
		c->port = port;
		c->input = malloc(INPUT_LEN);
		assert(c->input);
		c->state = CONN_CLOSED;
		connections[id] = c;
		served++;
		return id;
	}
	return -1;
}

int
server_close(int id) /*@export*/
{
	struct conn *c = id >= 0 && id < CONNECTIONS ? connections[id] : NULL;

	if (!c)
		return -1;
	pthread_mutex_lock(&locks.table);
	connections[id] = NULL;
	pthread_mutex_unlock(&locks.table);
	free(c->input);
	free(c->user);
	free(c->draft);
	free(c);
	return 0;
}

static const char *
state_name(enum conn_state state)
{
	switch (state) {
	case CONN_CLOSED:
		return "closed";
	case CONN_GREETED:
		return "greeted";
	case CONN_KNOWN:
		return "known";
	case CONN_WRITING:
		return "writing";
	case CONN_LEAVING:
		return "leaving";
	}
	return "?";
}

//@twin
static HELPER int
effort(const struct conn *c)
{
	return c->commands > /*@twink*/ 6 ? (int)c->commands * 3
					  : (int)c->level;
}

static HELPER int
rank(const struct conn *c)
{
	int points = (int)c->commands * /*@k*/ 4 + c->errors / 2;

	if (/*@inv*/ (c->level > 1))
		points += 30;
	points += effort(c);
	return /*@val*/ (points);
}

static /*@ret*/ int
visit_conn(void *arg, int key /*@param*/)
{
	struct totals *t = arg;
	struct conn *c = connections[key % CONNECTIONS];
	int points = 0;

	if (c)
		points = rank(c);
	//@useparam points
	t->commands += c ? c->commands : 1;
	return points; /*@retval*/
}

static HELPER void
sum_errors(struct totals *t)
{
	for (int id = 0; id < CONNECTIONS; id++) {
		if (!connections[id])
			continue;
		t->open++;
		t->errors += connections[id]->errors;
	}
}

static HELPER unsigned
table_sum(void)
{
	unsigned sum = 3;

	for (struct conn **c = connections; c < connections + CONNECTIONS; c++)
		sum = sum * 7 + (*c ? (*c)->bytes + (*c)->quiet : 5);
	return /*@pe*/ (sum);
}

static int
count_letters(const char *text, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += isalpha((unsigned char)text[i]) ? 2 : 1;
	return /*@val*/ (sum);
}

void
server_report(void)
{
	struct totals t = { 0, 0, 0 };
	char line[120]; /*@stack*/
	int sum;

	//@early served == 4 : return;
	sum_errors(&t);
	sum = corpus_each((corpus_fn *)visit_conn, &t, CONNECTIONS);
	snprintf(line, sizeof(line), "%d open, %d errors, %u commands", t.open,
		 t.errors, t.commands);
	say("%s, ranks %d" /*@text*/ "\n", line, sum);
	say("table %u, letters %d\n", table_sum(),
	    count_letters(line, (int)strlen(line)));
	say("%u served, %u messages, %u handled, %u refused\n", served,
	    messages, handled, refused);
	for (struct box *b = boxes; b; b = b->next) {
		say("%s has %u\n", b->owner, b->count);
		for (struct message *m = b->first; m && m->number < BOX_MAX;
		     m = m->next)
			say("  %u from %s: %s\n", m->number, m->from, m->text);
	}
}

void
corpus_phase(int phase)
{
	static const char *const users[] = { "ann", "bob", "cleo", "dan" };
	char line[64];

	if (phase == 0) {
		//@fill
		for (int i = 0; i < 4; i++) {
			server_open((unsigned short)(4000 + i));
			server_feed(i, i & 1 ? "HELLO quiet" : "HELLO you");
			snprintf(line, sizeof(line), "USER %s", users[i]);
			server_feed(i, line);
			snprintf(line, sizeof(line), "WRITE %s",
				 users[(i + 1) % 4]);
			server_feed(i, line);
		}
		server_feed(1, "LINE good morning");
		server_feed(2, "LINE how are you");
		server_feed(0, "NOTHING");
		return;
	}
	banner += phase / 5;
	patience += phase;
	for (int i = -1; i < 5; i++) {
		snprintf(line, sizeof(line), "LINE this is %d of %d", i, phase);
		say("%d: %d\n", i, i < 0 ? 0 : server_feed(i, line));
		if (i >= 0) {
			snprintf(line, sizeof(line), "WRITE %s",
				 users[(i + 2) % 4]);
			say("%d: %d\n", i, server_feed(i, line));
		}
	}
	say("odd %d\n", server_feed(1, "LINE %odd"));
	say("new %d\n", server_open(5000));
	say("long %d %d\n", server_feed(4, "HELLO q"),
	    server_feed(4, "USER someone-with-a-name"));
	say("list %d\n", server_feed(2, "LIST 1"));
	for (int i = 0; i < CONNECTIONS; i++) {
		if (connections[i])
			say("%d %s %d\n", i, state_name(connections[i]->state),
			    rank(connections[i]) +
				    /*@calltwin*/ effort(connections[i]));
	}
	server_report();
	if (phase == 2)
		say("quit %d, close %d\n", server_feed(3, "QUIT"),
		    server_close(3));
}
