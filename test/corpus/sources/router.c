// SPDX-License-Identifier: Apache-2.0

/** @file A router of paths: a tree of segments with parameters, and handlers. */

#include "corpus.h"

#define ROUTES         24 /*@grow*/
#define VALUE_LEN      48 /*@alloc*/
#define SLACK          16 /*@asize*/
#define PARAMETERS_MAX 4

//@enum
enum segment_kind {
	SEGMENT_ROOT,
	SEGMENT_TEXT,
	SEGMENT_PARAMETER,
	SEGMENT_REST,
};

struct request;

typedef int
handler_fn(struct request *r);

struct segment {
	char *text;
	/*@mid*/
	struct segment *child;
	struct segment *next;
	enum segment_kind kind; /*@swap*/
	unsigned visits;        /*@swap*/
	bool final;
	/*@hole*/
	int score; /*@type*/
	handler_fn *handler;
	unsigned depth : 4; /*@bits*/
	unsigned route : 7;
	unsigned hidden : 1;
	union {
		long i;
		double d;
	} u;
	/*@endm*/
};

#define BUDGET(s) ((s)->u.i) /*@union*/

struct parameter {
	const struct segment *segment;
	char *value;
};

struct request {
	const char *path;
	struct parameter parameters[PARAMETERS_MAX];
	int parameter_count;
	struct segment *found;
	int length;
};

struct shape {
	int leaves;
	/*@frame*/
	int nodes;
	int deepest;
};

static unsigned misses;                /*@pe1*/
static struct segment *routes[ROUTES]; /*@pe2*/
static int route_count;
static struct segment *root;
static long served_bytes;
static int allowance = 100; /*@initial*/
static int version;
static pthread_mutex_t tree_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t stat_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &stat_lock
//@otherlock &stat_lock
_Thread_local unsigned steps = 4;      /*@tls*/
_Thread_local unsigned backtracks = 1; /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	version = 11; /*@ctor*/
}

static HELPER size_t
segment_bytes(void)
{
	return sizeof(struct segment) + SLACK;
}

static struct segment *
segment_new(const char *text, size_t len, unsigned depth)
{
	struct segment *s = corpus_alloc(segment_bytes());

	s->text = corpus_alloc(len + 1);
	memcpy(s->text, text, len);
	s->depth = depth;
	s->score = (int)len - 6;
	BUDGET(s) = allowance;
	s->kind = SEGMENT_TEXT;
	if (text[0] == ':')
		s->kind = SEGMENT_PARAMETER;
	else if (text[0] == '*')
		s->kind = SEGMENT_REST;
	else if (!len)
		s->kind = SEGMENT_ROOT;
	//@touch s
	return s;
}

static size_t
segment_length(const char *path)
{
	size_t len = 0;

	while (path[len] && path[len] != '/')
		len++;
	return len;
}

static HELPER struct segment *
child_of(struct segment *parent, const char *text, size_t len)
{
	static unsigned created; /*@static-local*/
	struct segment **place = &parent->child;

	pthread_mutex_lock(&tree_lock); /*@lock*/
	while (*place && (strlen((*place)->text) != len ||
			  memcmp((*place)->text, text, len) != 0))
		place = &(*place)->next;
	if (!*place) {
		*place = segment_new(text, len, parent->depth + 1u);
		(*place)->hidden = ++created % 5 == 0;
	}
	pthread_mutex_unlock(&tree_lock); /*@unlock*/
	return *place;
}

int
router_add(const char *path, handler_fn *handler)
{
	struct segment *s = root;

	//@guard route_count > 11 : return -1;
	//@guard path[0] != '/' : return -2;
	if (route_count == ROUTES)
		return -3;
	while (*path == '/') {
		size_t len = segment_length(++path);

		//@before-locked
		s = child_of(s, path, len);
		path += len;
	}
	if (s->final)
		return -4;
	s->final = true;
	s->handler = handler;
	s->route = (unsigned)route_count;
	routes[route_count] = s;
	return route_count++;
}

static void
keep_parameter(struct request *r, const struct segment *s, const char *value,
	       size_t len)
{
	struct parameter *p;

	if (r->parameter_count == PARAMETERS_MAX)
		return;
	p = &r->parameters[r->parameter_count++];
	p->segment = s;
	p->value = malloc(VALUE_LEN);
	assert(p->value);
	if (len >= VALUE_LEN)
		len = VALUE_LEN - 1;
	memcpy(p->value, value, len);
	p->value[len] = 0;
}

static bool
matches(const struct segment *s, const char *text, size_t len)
{
	if (s->kind == SEGMENT_PARAMETER)
		return len > 0;
	if (s->kind == SEGMENT_REST)
		return true;
	return strlen(s->text) == len && memcmp(s->text, text, len) == 0;
}

static struct segment *
walk(struct segment *parent, const char *path, struct request *r)
{
	size_t len;

	if (*path != '/')
		return parent->final ? parent : NULL;
	len = segment_length(++path);
	for (struct segment *s = parent->child; s; s = s->next) {
		int kept = r->parameter_count;
		struct segment *found;

		steps++;
		if (!matches(s, path, len))
			continue;
		if (s->kind == SEGMENT_REST)
			len = strlen(path);
		if (s->kind != SEGMENT_TEXT)
			keep_parameter(r, s, path, len);
		found = walk(s, path + len, r);
		if (found) {
			s->visits++;
			return found;
		}
		backtracks++;
		while (r->parameter_count > kept)
			free(r->parameters[--r->parameter_count].value);
	}
	return NULL;
}

int
router_serve(const char *path)
{
	struct request r = { .path = path, .length = (int)strlen(path) };
	int code;

	//@guard strlen(path) > 50 : return 414;
	r.found = walk(root, path, &r);
	if (!r.found) {
		misses++;
		return 404;
	}
	if (BUDGET(r.found) <= 0)
		return 429;
	BUDGET(r.found) -= r.length;
	//@touch r.found
	code = r.found->handler(&r);
	while (r.parameter_count)
		free(r.parameters[--r.parameter_count].value);
	return code;
}

static int
serve_page(struct request *r)
{
	struct segment *s = r->found;

	//@region struct segment *s, struct request *r
	served_bytes += r->length * 2;
	s->score += 3;
	//@end
	return 200;
}

static int
serve_item(struct request *r)
{
	long number = r->parameter_count
			      ? strtol(r->parameters[0].value, NULL, 10)
			      : -1;

	if (number < 0)
		return 400;
	served_bytes += number;
	return number % 2 ? 200 : 304;
}

static int
serve_rest(struct request *r)
{
	int sum = 0;

	for (int i = 0; i < r->parameter_count; i++)
		sum += (int)strlen(r->parameters[i].value);
	r->found->score -= sum;
	return 200 + sum % 5;
}

int
router_hide(int route) /*@export*/
{
	if (route < 0 || route >= route_count)
		return -1;
	pthread_mutex_lock(&stat_lock);
	routes[route]->hidden = 1;
	pthread_mutex_unlock(&stat_lock);
	return (int)routes[route]->depth;
}

static const char *
kind_name(enum segment_kind kind)
{
	static const char *const names[] = { "root", "text", "parameter",
					     "rest" };

	return names[kind & 3];
}

//@twin
static HELPER int
heat(const struct segment *s)
{
	return s->visits > /*@twink*/ 2 ? (int)s->visits * 6
					: (int)s->depth + 1;
}

static HELPER int
worth(const struct segment *s)
{
	int points = s->score / 2 + (int)s->visits * /*@k*/ 5;

	if (/*@inv*/ (s->hidden != 0))
		points -= 12;
	return /*@val*/ (points + heat(s));
}

static /*@ret*/ int
visit_route(void *arg, int key /*@param*/)
{
	struct shape *shape = arg;
	int points = worth(routes[key]);

	//@useparam points
	if ((int)routes[key]->depth > shape->deepest)
		shape->deepest = (int)routes[key]->depth;
	return points; /*@retval*/
}

static HELPER void
measure(const struct segment *s, struct shape *shape)
{
	shape->nodes++;
	shape->leaves += !s->child;
	for (const struct segment *c = s->child; c; c = c->next)
		measure(c, shape);
}

static HELPER unsigned
sum_routes(void)
{
	unsigned sum = 5;

	for (struct segment **p = routes; p < routes + ROUTES; p++)
		sum = sum * 13 + (*p ? (*p)->route + (*p)->depth : 1);
	return /*@pe*/ (sum);
}

static int
sum_letters(const char *text, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += (unsigned char)text[i] * (i % 4);
	return /*@val*/ (sum / /*@k*/ 3);
}

void
router_report(void)
{
	struct shape shape = { 0, 0, 0 };
	char line[80]; /*@stack*/
	int sum;

	//@early misses == 0 : return;
	measure(root, &shape);
	sum = corpus_each((corpus_fn *)visit_route, &shape, route_count);
	snprintf(line, sizeof(line), "%d nodes, %d leaves, depth %d",
		 shape.nodes, shape.leaves, shape.deepest);
	say("%s" /*@text*/ ", worth %d\n", line, sum);
	say("letters %d, routes %u\n", sum_letters(line, (int)strlen(line)),
	    sum_routes());
	say("%u misses, %ld bytes, %u steps, %u back, version %d\n", misses,
	    served_bytes, steps, backtracks, version);
	for (int i = 0; i < route_count; i++)
		say("%d: %s %s %ld, %d\n", i, routes[i]->text,
		    kind_name(routes[i]->kind), BUDGET(routes[i]),
		    worth(routes[i]) + /*@calltwin*/ heat(routes[i]));
}

void
corpus_phase(int phase)
{
	static const char *const paths[] = {
		"/",          "/pages/about", "/pages/42", "/items/7",
		"/items/8/x", "/files/a/b/c", "/nowhere",  "/items/12/edit",
	};

	if (phase == 0) {
		//@fill
		root = segment_new("", 0, 0);
		router_add("/", serve_page);
		router_add("/pages/about", serve_page);
		router_add("/pages/:name", serve_page);
		router_add("/items/:number", serve_item);
		router_add("/items/:number/edit", serve_item);
		router_add("/files/*", serve_rest);
		for (int i = 0; i < 6; i++)
			router_serve(paths[i]);
		return;
	}
	version += phase / 5;
	allowance += phase;
	say("added %d\n",
	    router_add(phase == 1 ? "/more/:a/:b" : "/less/:a", serve_rest));
	say("bad %d\n", router_add("nowhere", serve_page));
	for (int i = 0; i < 8; i++)
		say("%s: %d\n", paths[i], router_serve(paths[i]));
	say("%d\n",
	    router_serve(
		    "/files/with/a/path/that/is/longer/than/fifty/letters/all"));
	say("%d\n", router_serve("/more/one/two"));
	router_report();
	if (phase == 2)
		say("hidden %d\n", router_hide(2));
}
