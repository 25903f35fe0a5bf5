// SPDX-License-Identifier: Apache-2.0

/** @file Text that flows through filters: a tree of stages, templates, buffers. */

#include "corpus.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#define LETTERS  26 /*@grow*/
#define WORD_LEN 28 /*@alloc*/
#define SLACK    8

//@enum
enum stage_state {
	STAGE_EMPTY,
	STAGE_FILLING,
	STAGE_FULL,
	STAGE_DRAINED,
};

template <typename T> class bounded
{
      public:
	explicit bounded(size_t limit) : limit(limit)
	{
	}
	bool
	put(T value)
	{
		if (values.size() >= limit)
			return false;
		values.push_back(std::move(value));
		return true;
	}
	std::vector<T> values;

      private:
	size_t limit;
};

class stage
{
      public:
	stage(const char *name, size_t limit);
	virtual ~stage();
	virtual std::string
	transform(const std::string &word) = 0;
	/*@virtual*/
	virtual bool
	wants(const std::string &word) const
	{
		return !word.empty();
	}
	virtual int
	weight() const = 0;
	int
	feed(const std::string &word);

	std::unique_ptr<stage> next;
	/*@mid*/
	char *last;
	stage_state state; /*@swap*/
	unsigned words;    /*@swap*/
	bool noisy;
	/*@hole*/
	int skew;           /*@type*/
	unsigned index : 4; /*@bits*/
	unsigned longest : 8;
	unsigned open : 1;
	union {
		long i;
		double d;
	} u;
	bounded<std::string> kept;
	std::string name;
	/*@endm*/
};

#define LETTERS_OF(s) ((s)->u.i) /*@union*/

class upper : public stage
{
      public:
	using stage::stage;
	std::string
	transform(const std::string &word) override
	{
		std::string out = word;

		for (char &c : out) {
			if (c >= 'a' && c <= 'z')
				c = (char)(c - 32);
		}
		return out;
	}
	int
	weight() const override
	{
		return 3 + (int)kept.values.size();
	}
};

class reverse : public stage
{
      public:
	using stage::stage;
	std::string
	transform(const std::string &word) override
	{
		turned++;
		return std::string(word.rbegin(), word.rend());
	}
	int
	weight() const override
	{
		return turned;
	}

      private:
	int turned = 0;
};

class cipher : public stage
{
      public:
	cipher(const char *name, size_t limit, int shift)
	    : stage(name, limit), shift(shift)
	{
	}
	std::string
	transform(const std::string &word) override
	{
		std::string out;

		for (char c : word)
			out += (c >= 'a' && c <= 'z')
				       ? (char)('a' + (c - 'a' + shift) % 26)
				       : c;
		shift = (shift + 1) % 26;
		return out;
	}
	bool
	wants(const std::string &word) const override
	{
		return word.size() > 1;
	}
	int
	weight() const override
	{
		return shift * 2;
	}

      private:
	int shift;
};

struct flow {
	int stages;
	/*@frame*/
	int kept;
	long letters;
};

static unsigned lost;               /*@pe1*/
static unsigned frequency[LETTERS]; /*@pe2*/
static std::unique_ptr<stage> first;
static std::vector<stage *> stages;
static int patience = 12; /*@initial*/
static int edition;
static pthread_mutex_t count_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t stage_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &stage_lock
//@otherlock &stage_lock
__thread unsigned passed = 4;  /*@tls*/
__thread unsigned counted = 6; /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	edition = 14; /*@ctor*/
}

static HELPER size_t
word_bytes(void)
{
	return WORD_LEN + SLACK;
}

stage::stage(const char *name, size_t limit)
    : state(STAGE_EMPTY), words(0), noisy(name[0] == '!'), skew(-7), index(0),
      longest(0), open(1), kept(limit), name(name)
{
	last = (char *)malloc(word_bytes());
	assert(last);
	last[0] = 0;
	LETTERS_OF(this) = 0;
	//@touch this
}

stage::~stage()
{
	free(last);
}

static HELPER void
count_letters(const std::string &word)
{
	static unsigned calls; /*@static-local*/

	pthread_mutex_lock(&count_lock); /*@lock*/
	for (char c : word) {
		if (c >= 'a' && c <= 'z')
			frequency[(c - 'a') % LETTERS]++;
	}
	counted += 1 + ++calls % 2;
	pthread_mutex_unlock(&count_lock); /*@unlock*/
}

static void
advance(stage *s)
{
	switch (s->state) {
	case STAGE_EMPTY:
		s->state = STAGE_FILLING;
		break;
	case STAGE_FILLING:
		if ((int)s->words > patience)
			s->state = STAGE_FULL;
		break;
	case STAGE_FULL:
	case STAGE_DRAINED:
		break;
	}
}

int
stage::feed(const std::string &word)
{
	std::string out;

	if (!wants(word) || state == STAGE_FULL) {
		lost++;
		return -1;
	}
	out = transform(word);
	snprintf(last, WORD_LEN, "%s", out.c_str());
	LETTERS_OF(this) += (long)out.size();
	if (out.size() > longest)
		longest = (unsigned)std::min<size_t>(out.size(), 255);
	kept.put(out);
	//@touch this
	words++;
	advance(this);
	return next ? next->feed(out) : (int)words;
}

int
text_feed(const char *word)
{
	//@guard strlen(word) > 24 : return -2;
	//@guard word[0] == '#' : return -3;
	if (!first)
		return -4;
	//@before-locked
	count_letters(word);
	stage *s = first.get();
	//@region stage *s
	passed++;
	s->skew += 2;
	//@end
	return s->feed(word);
}

int
stage_add(int kind, const char *name, int number)
{
	std::unique_ptr<stage> made;
	stage *s;

	//@guard number > 90 : return -1;
	if (kind == 0)
		made = std::make_unique<upper>(name, (size_t)number);
	else if (kind == 1)
		made = std::make_unique<reverse>(name, (size_t)number);
	else
		made = std::make_unique<cipher>(name, (size_t)number,
						number % 26);
	s = made.get();
	s->index = stages.size() & 15;
	pthread_mutex_lock(&stage_lock);
	if (stages.empty())
		first = std::move(made);
	else
		stages.back()->next = std::move(made);
	stages.push_back(s);
	pthread_mutex_unlock(&stage_lock);
	return (int)stages.size();
}

int
stage_drain(int index) /*@export*/
{
	stage *s;
	int n;

	if (index < 0 || index >= (int)stages.size())
		return -1;
	s = stages[(size_t)index];
	n = (int)s->kept.values.size();
	s->kept.values.clear();
	s->state = STAGE_DRAINED;
	return n;
}

static const char *
state_name(stage_state state)
{
	static const char *const names[] = { "empty", "filling", "full",
					     "drained" };

	return names[state & 3];
}

//@twin
static HELPER int
strain(const stage *s)
{
	return s->words > /*@twink*/ 8 ? (int)s->words * 3 : (int)s->index + 5;
}

static HELPER int
merit(const stage *s)
{
	int points = s->skew / 2 + (int)s->longest * /*@k*/ 5;

	if (/*@inv*/ (s->open && s->state == STAGE_FILLING))
		points += 80;
	return /*@val*/ (points + strain(s));
}

static /*@ret*/ int
visit_stage(void *arg, int key /*@param*/)
{
	flow *f = (flow *)arg;
	const stage *s = stages[(size_t)key];
	int points = merit(s) + s->weight();

	//@useparam points
	f->stages += s->noisy ? 2 : 1;
	return points; /*@retval*/
}

static HELPER void
measure(flow *f)
{
	for (const stage *s : stages) {
		f->kept += (int)s->kept.values.size();
		f->letters += LETTERS_OF(s);
		f->stages += s->words > 100;
	}
}

static HELPER unsigned
sum_frequency(void)
{
	unsigned sum = 2;

	for (unsigned *p = frequency; p < frequency + LETTERS; p++)
		sum = sum * 3 + *p;
	return /*@pe*/ (sum);
}

static int
accord(const int *merits, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += merits[i] % 41 + i;
	return /*@val*/ (sum * /*@k*/ 2);
}

void
text_report(void)
{
	flow f = { 0, 0, 0 };
	char line[72]; /*@stack*/
	int merits[16];
	int sum, n = 0;

	//@early lost == 71 : return;
	measure(&f);
	sum = corpus_each((corpus_fn *)visit_stage, &f, (int)stages.size());
	snprintf(line, sizeof(line), "%d stages, %d kept, %ld letters",
		 f.stages, f.kept, f.letters);
	say("%s" /*@text*/ ", merit %d\n", line, sum);
	for (const stage *s : stages) {
		if (n < 16)
			merits[n++] = merit(s) + /*@calltwin*/ strain(s);
		say("%s %s: %u, last %s, %d\n", s->name.c_str(),
		    state_name(s->state), s->words, s->last, s->weight());
		for (const std::string &word : s->kept.values)
			say("  %s\n", word.c_str());
	}
	say("accord %d, frequency %u, %u lost\n", accord(merits, n),
	    sum_frequency(), lost);
	say("passed %u, counted %u, edition %d\n", passed, counted, edition);
}

void
corpus_phase(int phase)
{
	static const char *const words[] = { "the", "quick", "brown", "fox",
					     "a",   "jumps", "over" };

	if (phase == 0) {
		//@fill
		stage_add(2, "cipher", 7);
		stage_add(1, "!reverse", 9);
		stage_add(2, "again", 30);
		for (const char *word : words)
			text_feed(word);
		return;
	}
	edition += phase / 5;
	patience += phase;
	say("stage %d %d\n", stage_add(0, phase == 1 ? "upper" : "above", 12),
	    stage_add(1, "large", 100) > 0);
	for (const char *word : words)
		say("%s: %d\n", word, text_feed(word));
	say("long %d\n", text_feed("a-word-of-more-than-twenty-four"));
	say("odd %d\n", text_feed("#comment"));
	say("%ld\n", strtol("100", NULL, 2));
	text_report();
	if (phase == 2)
		say("drained %d\n", stage_drain(0));
}
