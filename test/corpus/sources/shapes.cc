// SPDX-License-Identifier: Apache-2.0

/** @file A drawing of shapes: a class tree, a scene that owns them, selections. */

#include "corpus.h"

#include <memory>
#include <string>
#include <vector>

#define CELLS     20 /*@grow*/
#define LABEL_LEN 40 /*@alloc*/
#define SLACK     8

//@enum
enum paint {
	PAINT_NONE,
	PAINT_LINE,
	PAINT_FILL,
	PAINT_PATTERN,
};

struct point {
	long x;
	long y;
};

class shape
{
      public:
	shape(const char *name, point at);
	virtual ~shape();
	/*@virtual*/
	virtual long
	area() const = 0; /*@vswap*/
	virtual long
	reach() const = 0; /*@vswap*/
	virtual void
	move(long x, long y);
	virtual const char *
	kind() const
	{
		return "shape";
	}

	char *label;
	/*@mid*/
	point at;
	paint style;    /*@swap*/
	unsigned moves; /*@swap*/
	bool locked;
	/*@hole*/
	int order;          /*@type*/
	unsigned layer : 4; /*@bits*/
	unsigned shade : 8;
	unsigned marked : 1;
	union {
		long i;
		double d;
	} u;
	/*@endm*/
};

#define EXTENT(s) ((s)->u.i) /*@union*/

class box : public shape
{
      public:
	box(const char *name, point at, long width, long height)
	    : shape(name, at), width(width), height(height)
	{
		EXTENT(this) = width + height;
	}
	long
	area() const override
	{
		return width * height;
	}
	long
	reach() const override
	{
		return at.x + width;
	}
	const char *
	kind() const override
	{
		return "box";
	}

	long width;
	long height;
};

class disc : public shape
{
      public:
	disc(const char *name, point at, long radius)
	    : shape(name, at), radius(radius)
	{
		EXTENT(this) = radius * 2;
	}
	long
	area() const override
	{
		return radius * radius * 355 / 113;
	}
	long
	reach() const override
	{
		return at.x + radius;
	}
	const char *
	kind() const override
	{
		return "disc";
	}

	long radius;
};

class sign : public box
{
      public:
	sign(const char *name, point at, const char *text)
	    : box(name, at, (long)strlen(text) * 8, 12), text(text)
	{
	}
	void
	move(long x, long y) override
	{
		shape::move(x / 8 * 8, y);
	}
	const char *
	kind() const override
	{
		return "sign";
	}

	std::string text;
};

struct frame {
	long right;
	/*@frame*/
	long bottom;
	int count;
};

class scene
{
      public:
	int
	add(std::unique_ptr<shape> s);
	shape *
	find(const char *name);
	std::vector<std::unique_ptr<shape>> shapes;
	std::vector<int> selection;
	unsigned edits = 0;
};

static unsigned misses;      /*@pe1*/
static unsigned grid[CELLS]; /*@pe2*/
static scene drawing;
static int snap = 4; /*@initial*/
static long ruler;
static pthread_mutex_t scene_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t grid_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &grid_lock
//@otherlock &grid_lock
__thread unsigned drawn = 5; /*@tls*/
__thread unsigned moved = 2; /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	ruler = 640; /*@ctor*/
}

shape::shape(const char *name, point at)
    : at(at), style(PAINT_LINE), moves(0), locked(false), order(0), layer(0),
      shade(0), marked(0)
{
	label = (char *)malloc(LABEL_LEN);
	assert(label);
	snprintf(label, LABEL_LEN, "%s", name);
	EXTENT(this) = 0;
	//@touch this
}

shape::~shape()
{
	free(label);
}

void
shape::move(long x, long y)
{
	at.x += x;
	at.y += y;
	moves++;
	moved++;
}

static HELPER size_t
grid_bytes(void)
{
	return CELLS * sizeof(unsigned) + SLACK;
}

static HELPER void
enter(shape *s, unsigned cell)
{
	static unsigned entered; /*@static-local*/

	pthread_mutex_lock(&scene_lock); /*@lock*/
	grid[cell % CELLS] += 1 + ++entered % 2;
	s->shade = (s->shade + cell) % 200;
	drawn++;
	pthread_mutex_unlock(&scene_lock); /*@unlock*/
}

int
scene::add(std::unique_ptr<shape> s)
{
	s->order = (int)shapes.size() - 3;
	s->layer = shapes.size() % 9;
	edits++;
	shapes.push_back(std::move(s));
	return (int)shapes.size();
}

shape *
scene::find(const char *name)
{
	for (auto &s : shapes) {
		if (strcmp(s->label, name) == 0)
			return s.get();
	}
	misses++;
	return nullptr;
}

int
scene_move(const char *name, long x, long y)
{
	shape *s = drawing.find(name);

	//@guard x > 3000 : return -1;
	//@guard !s : return -3;
	if (!s || s->locked)
		return -2;
	s->move(x / snap * snap, y);
	//@region shape *s, long x
	s->order += x > 0 ? 1 : -1;
	s->marked = 1;
	//@end
	//@touch s
	//@before-locked
	enter(s, (unsigned)s->at.x / 16);
	return (int)s->moves;
}

int
scene_paint(const char *name, paint style)
{
	shape *s = drawing.find(name);

	if (!s)
		return -1;
	//@guard style == PAINT_NONE : return -4;
	switch (style) {
	case PAINT_NONE:
		s->shade = 0;
		break;
	case PAINT_LINE:
		s->shade = 20;
		break;
	case PAINT_FILL:
		s->shade = 120;
		break;
	case PAINT_PATTERN:
		s->shade = 70 + s->layer;
		break;
	}
	s->style = style;
	return 0;
}

int
scene_lock_shape(const char *name) /*@export*/
{
	shape *s = drawing.find(name);

	if (!s)
		return -1;
	pthread_mutex_lock(&grid_lock);
	s->locked = true;
	pthread_mutex_unlock(&grid_lock);
	return (int)s->moves;
}

static const char *
paint_name(paint style)
{
	static const char *const names[] = { "none", "line", "fill",
					     "pattern" };

	return names[style & 3];
}

//@twin
static HELPER int
effort(const shape *s)
{
	return s->moves > /*@twink*/ 2 ? (int)s->moves * 5 : (int)s->layer + 4;
}

static HELPER int
price(const shape *s)
{
	int points = s->order / 2 + (int)(s->area() % 100) * /*@k*/ 3;

	if (/*@inv*/ (s->style == PAINT_FILL))
		points += 90;
	return /*@val*/ (points + effort(s));
}

static /*@ret*/ int
visit_shape(void *arg, int key /*@param*/)
{
	frame *f = (frame *)arg;
	const shape *s = drawing.shapes[(size_t)key].get();
	int points = price(s);

	//@useparam points
	f->count += s->marked;
	return points; /*@retval*/
}

static HELPER void
measure(frame *f)
{
	for (auto &s : drawing.shapes) {
		if (s->reach() > f->right)
			f->right = s->reach();
		if (s->at.y > f->bottom)
			f->bottom = s->at.y;
	}
}

static HELPER unsigned
sum_grid(void)
{
	unsigned sum = 4;

	for (unsigned *p = grid; p < grid + CELLS; p++)
		sum = sum * 3 + *p;
	return /*@pe*/ (sum);
}

static int
tone(const int *prices, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += prices[i] % 23;
	return /*@val*/ (sum + /*@k*/ 17);
}

void
scene_report(void)
{
	frame f = { 0, 0, 0 };
	char line[64]; /*@stack*/
	int prices[32];
	int sum, n = 0;

	//@early misses == 99 : return;
	measure(&f);
	sum = corpus_each((corpus_fn *)visit_shape, &f,
			  (int)drawing.shapes.size());
	snprintf(line, sizeof(line), "to %ld, %ld, %d marked", f.right,
		 f.bottom, f.count);
	say("%s" /*@text*/ ", price %d\n", line, sum);
	for (auto &s : drawing.shapes) {
		if (n < 32)
			prices[n++] = price(s.get()) +
				      /*@calltwin*/ effort(s.get());
		say("%s %s at %ld,%ld: %s, area %ld, extent %ld, %u\n",
		    s->kind(), s->label, s->at.x, s->at.y, paint_name(s->style),
		    s->area(), EXTENT(s), s->shade);
	}
	say("tone %d, grid %u, %u misses, %u edits\n", tone(prices, n),
	    sum_grid(), misses, drawing.edits);
	say("drawn %u, moved %u, ruler %ld\n", drawn, moved, ruler);
}

static void
add_some(int from, int to)
{
	char name[32];

	for (int i = from; i < to; i++) {
		point at = { i * 13 % 90, i * 29 % 70 };

		snprintf(name, sizeof(name), "n%d", i);
		if (i % 3 == 0)
			drawing.add(std::make_unique<box>(name, at, 4 + i, 9));
		else if (i % 3 == 1)
			drawing.add(std::make_unique<disc>(name, at, 3 + i));
		else
			drawing.add(std::make_unique<sign>(name, at, "hello"));
		drawing.selection.push_back(i);
	}
}

void
corpus_phase(int phase)
{
	char name[32];

	if (phase == 0) {
		//@fill
		add_some(0, 8);
		for (int i = 0; i < 8; i += 2) {
			snprintf(name, sizeof(name), "n%d", i);
			scene_move(name, 20 + i, 5);
			scene_paint(name, i % 4 ? PAINT_FILL : PAINT_PATTERN);
		}
		void *memory = corpus_alloc(grid_bytes());
		memcpy(memory, grid, sizeof(grid));
		free(memory);
		return;
	}
	ruler += phase / 5;
	snap += phase - 1;
	add_some(6 + 2 * phase, 8 + 2 * phase);
	for (long i : drawing.selection) {
		snprintf(name, sizeof(name), "n%ld", i);
		say("%s %d\n", name,
		    scene_move(name, strtol("9", NULL, 10) + i, -1));
	}
	say("far %d\n", scene_move("n1", 4000, 0));
	say("none %d\n", scene_move("nobody", 1, 1));
	say("paint %d %d\n", scene_paint("n3", PAINT_NONE),
	    scene_paint("n5", PAINT_FILL));
	scene_report();
	if (phase == 2)
		say("locked %d\n", scene_lock_shape("n2"));
}
