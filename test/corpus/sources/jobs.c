// SPDX-License-Identifier: Apache-2.0

/** @file A queue of jobs: a heap by priority, workers, retries, dependencies. */

#include "corpus.h"

#define JOBS        48 /*@grow*/
#define TITLE_LEN   32 /*@alloc*/
#define SLACK       8  /*@asize*/
#define WORKERS     4
#define RETRIES_MAX 3

//@enum
enum job_state {
	JOB_NEW,
	JOB_WAITING,
	JOB_RUNNING,
	JOB_FAILED,
	JOB_DONE,
};

struct job;

typedef int
work_fn(struct job *job);

struct job {
	unsigned number;
	enum job_state state;
	/*@mid*/
	work_fn *work;
	struct job *after;
	char *title;
	char lane;
	/*@hole*/
	int priority;        /*@type*/
	int retries;         /*@swap*/
	unsigned long cost;  /*@swap*/
	unsigned worker : 3; /*@bits*/
	unsigned attempts : 6;
	unsigned loud : 1;
	union {
		long i;
		double d;
	} u;
	/*@endm*/
};

#define RESULT(j) ((j)->u.i) /*@union*/

struct worker {
	struct job *current;
	unsigned finished;
	unsigned long busy;
};

struct digest {
	int done;
	/*@frame*/
	int failed;
	long results;
};

static unsigned submitted;     /*@pe1*/
static struct job *heap[JOBS]; /*@pe2*/
static int heap_count;
static struct job *every[JOBS];
static struct worker workers[WORKERS];
static int aging = 2; /*@initial*/
static int first_number;
static pthread_mutex_t heap_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t worker_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &worker_lock
//@otherlock &worker_lock
_Thread_local unsigned compared = 2; /*@tls*/
_Thread_local unsigned moved = 7;    /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	first_number = 100; /*@ctor*/
}

static HELPER size_t
job_bytes(void)
{
	return sizeof(struct job) + SLACK;
}

static bool
before(const struct job *a, const struct job *b)
{
	compared++;
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->number < b->number;
}

static void
sift_up(int at)
{
	while (at > 0) {
		int parent = (at - 1) / 2;
		struct job *job = heap[at];

		if (!before(job, heap[parent]))
			return;
		heap[at] = heap[parent];
		heap[parent] = job;
		moved++;
		at = parent;
	}
}

static void
sift_down(int at)
{
	for (;;) {
		int best = at;
		struct job *job = heap[at];

		for (int child = 2 * at + 1; child <= 2 * at + 2; child++) {
			if (child < heap_count &&
			    before(heap[child], heap[best]))
				best = child;
		}
		if (best == at)
			return;
		heap[at] = heap[best];
		heap[best] = job;
		moved++;
		at = best;
	}
}

static HELPER void
push(struct job *job)
{
	static unsigned pushes; /*@static-local*/

	pthread_mutex_lock(&heap_lock); /*@lock*/
	heap[heap_count] = job;
	job->state = JOB_WAITING;
	job->loud = ++pushes % 4 == 0;
	sift_up(heap_count++);
	pthread_mutex_unlock(&heap_lock); /*@unlock*/
}

static struct job *
pop(void)
{
	struct job *job = heap[0];

	if (heap_count == 0)
		return NULL;
	heap[0] = heap[--heap_count];
	sift_down(0);
	return job;
}

static int
work_add(struct job *job)
{
	RESULT(job) += job->priority;
	return 0;
}

static int
work_square(struct job *job)
{
	RESULT(job) = RESULT(job) * RESULT(job) / 1009;
	return 0;
}

static int
work_flaky(struct job *job)
{
	RESULT(job) -= 1;
	return job->attempts < 3 ? -1 : 0;
}

int
job_submit(const char *title, int priority, struct job *after)
{
	static work_fn *const works[] = { work_add, work_square, work_flaky };
	struct job *job;

	//@guard priority > 60 : return -1;
	//@guard strlen(title) > 24 : return -2;
	if (submitted == JOBS || heap_count == JOBS)
		return -3;
	job = malloc(job_bytes());
	assert(job);
	memset(job, 0, sizeof(*job));
	job->title = malloc(TITLE_LEN);
	assert(job->title);
	snprintf(job->title, TITLE_LEN, "%s", title);
	job->number = (unsigned)first_number + submitted;
	job->priority = priority - 20;
	job->work = works[submitted % 3];
	job->after = after;
	job->lane = title[0];
	job->cost = 5 + strlen(title);
	RESULT(job) = strtol(title + 1, NULL, 10);
	//@touch job
	every[submitted++] = job;
	//@before-locked
	push(job);
	return (int)job->number;
}

static HELPER int
run(struct worker *w, struct job *job)
{
	int failed;

	if (job->after && job->after->state != JOB_DONE) {
		job->priority -= aging;
		return 1;
	}
	w->current = job;
	job->state = JOB_RUNNING;
	job->worker = (unsigned)(w - workers);
	//@region struct worker *w, struct job *job
	job->attempts++;
	w->busy += job->cost;
	//@end
	failed = job->work(job);
	//@touch job
	w->current = NULL;
	if (!failed) {
		job->state = JOB_DONE;
		w->finished++;
		return 0;
	}
	job->retries++;
	if (job->retries < RETRIES_MAX)
		return 1;
	job->state = JOB_FAILED;
	return 0;
}

int
jobs_run(int steps)
{
	int done = 0;

	//@guard steps > 900 : return -1;
	for (int i = 0; i < steps; i++) {
		struct job *job = pop();

		if (!job)
			break;
		if (run(&workers[i % WORKERS], job))
			push(job);
		else
			done++;
	}
	return done;
}

int
jobs_forget(void) /*@export*/
{
	int count = 0;

	pthread_mutex_lock(&worker_lock);
	for (unsigned i = 0; i < submitted; i++) {
		if (every[i]->state != JOB_DONE)
			continue;
		free(every[i]->title);
		every[i]->title = corpus_copy("-");
		count++;
	}
	pthread_mutex_unlock(&worker_lock);
	return count;
}

static const char *
state_name(enum job_state state)
{
	switch (state) {
	case JOB_NEW:
		return "new";
	case JOB_WAITING:
		return "waiting";
	case JOB_RUNNING:
		return "running";
	case JOB_FAILED:
		return "failed";
	case JOB_DONE:
		return "done";
	}
	return "?";
}

//@twin
static HELPER int
trouble(const struct job *job)
{
	return job->attempts > /*@twink*/ 2 ? job->retries * 5
					    : (int)job->attempts;
}

static HELPER int
rating(const struct job *job)
{
	int points = job->priority / 2 + (int)job->cost * /*@k*/ 2;

	if (/*@inv*/ (job->loud && job->attempts))
		points += 40;
	points -= trouble(job);
	return /*@val*/ (points);
}

static /*@ret*/ int
visit_job(void *arg, int key /*@param*/)
{
	struct digest *d = arg;
	const struct job *job = every[key];
	int points = rating(job);

	//@useparam points
	d->results += RESULT(job);
	d->done += job->state == JOB_DONE;
	return points; /*@retval*/
}

static HELPER void
count_failed(struct digest *d)
{
	for (unsigned i = 0; i < submitted; i++) {
		d->failed += every[i]->state == JOB_FAILED;
		d->results += every[i]->retries;
	}
}

static HELPER unsigned
heap_sum(void)
{
	unsigned sum = 1;

	for (struct job **p = heap; p < heap + JOBS; p++)
		sum = sum * 3 + (*p ? (*p)->number : 2);
	return /*@pe*/ (sum);
}

static int
fold(const int *ratings, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += ratings[i] % 7;
	return /*@val*/ (sum + /*@k*/ 11);
}

void
jobs_report(void)
{
	struct digest d = { 0, 0, 0 };
	char line[88]; /*@stack*/
	int ratings[JOBS];
	int n = 0;

	//@early submitted == 9 : return;
	count_failed(&d);
	n = corpus_each((corpus_fn *)visit_job, &d, (int)submitted);
	snprintf(line, sizeof(line), "%d done, %d failed, results %ld", d.done,
		 d.failed, d.results);
	say("%s, ratings %d" /*@text*/ "\n", line, n);
	n = 0;
	for (unsigned i = 0; i < submitted; i++)
		ratings[n++] = rating(every[i]) +
			       /*@calltwin*/ trouble(every[i]);
	say("fold %d, heap %u of %d\n", fold(ratings, n), heap_sum(),
	    heap_count);
	for (int i = 0; i < WORKERS; i++)
		say("worker %d: %u, %lu\n", i, workers[i].finished,
		    workers[i].busy);
	say("%u compared, %u moved\n", compared, moved);
}

static void
submit_some(int from, int to)
{
	unsigned seed = (unsigned)from + 5;
	char title[40];

	for (int i = from; i < to; i++) {
		struct job *after = i % 5 == 4 ? every[i - 3] : NULL;

		snprintf(title, sizeof(title), "j%d of some", i * 3);
		job_submit(title, (int)(corpus_random(&seed) % 40), after);
	}
}

void
corpus_phase(int phase)
{
	if (phase == 0) {
		//@fill
		submit_some(0, 20);
		jobs_run(12);
		return;
	}
	first_number += phase / 5;
	aging += phase;
	submit_some(20 + 4 * (phase - 1), 24 + 4 * (phase - 1));
	say("urgent %d\n", job_submit("urgent", 70, NULL));
	say("long %d\n", job_submit("a title that is far too long", 7, NULL));
	say("ran %d, %d\n", jobs_run(20), jobs_run(1000));
	for (unsigned i = 0; i < submitted; i++)
		say("%u %s %s %ld %d\n", every[i]->number, every[i]->title,
		    state_name(every[i]->state), RESULT(every[i]),
		    rating(every[i]));
	jobs_report();
	if (phase == 2)
		say("forgot %d\n", jobs_forget());
}
