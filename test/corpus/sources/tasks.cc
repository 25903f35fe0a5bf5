// SPDX-License-Identifier: Apache-2.0

/** @file Cooperative tasks: a scheduler with queues by priority, timers, messages. */

#include "corpus.h"

#include <deque>
#include <functional>
#include <string>
#include <vector>

#define QUEUES    6  /*@grow*/
#define INBOX_LEN 32 /*@alloc*/
#define SLACK     24

//@enum
enum task_state {
	TASK_BORN,
	TASK_READY,
	TASK_SLEEPING,
	TASK_BLOCKED,
	TASK_ENDED,
};

class scheduler;

class task
{
      public:
	task(const char *name, int priority);
	virtual ~task();
	virtual task_state
	run(scheduler &s) = 0;
	/*@virtual*/
	virtual void
	receive(int message);
	virtual int
	progress() const = 0;

	task_state state; /*@swap*/
	unsigned runs;    /*@swap*/
	/*@mid*/
	int *inbox;
	unsigned received;
	bool daemon;
	/*@hole*/
	int nice;           /*@type*/
	unsigned queue : 4; /*@bits*/
	unsigned quantum : 7;
	unsigned traced : 1;
	union {
		long i;
		double d;
	} u;
	std::string name;
	/*@endm*/
};

#define WAKE(t) ((t)->u.i) /*@union*/

class scheduler
{
      public:
	void
	add(task *t);
	int
	step();
	void
	wake_up();
	task *
	find(const char *name);

	std::deque<task *> ready[6];
	std::vector<task *> all;
	std::vector<std::function<void(task *)>> hooks;
	long now = 0;
};

class counter : public task
{
      public:
	counter(const char *name, int priority, int limit)
	    : task(name, priority), limit(limit)
	{
	}
	task_state
	run(scheduler &) override
	{
		count++;
		return count >= limit ? TASK_ENDED : TASK_READY;
	}
	int
	progress() const override
	{
		return count;
	}

      private:
	int count = 0;
	int limit;
};

class sleeper : public task
{
      public:
	sleeper(const char *name, int priority, int length)
	    : task(name, priority), length(length)
	{
	}
	task_state
	run(scheduler &s) override
	{
		WAKE(this) = s.now + length;
		naps++;
		return TASK_SLEEPING;
	}
	int
	progress() const override
	{
		return naps * length;
	}

      private:
	int length;
	int naps = 0;
};

class listener : public task
{
      public:
	listener(const char *name, int priority, const char *peer)
	    : task(name, priority), peer(peer)
	{
	}
	task_state
	run(scheduler &s) override;
	void
	receive(int message) override;
	int
	progress() const override
	{
		return sum;
	}

      private:
	std::string peer;
	int sum = 0;
};

struct load {
	int ready;
	/*@frame*/
	int sleeping;
	long runs;
};

static unsigned switches;     /*@pe1*/
static unsigned used[QUEUES]; /*@pe2*/
static scheduler machine;
static int quantum = 8; /*@initial*/
static long epoch;
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t hook_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &hook_lock
//@otherlock &hook_lock
__thread unsigned woken = 3; /*@tls*/
__thread unsigned sent = 9;  /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	epoch = 50; /*@ctor*/
}

task::task(const char *name, int priority)
    : state(TASK_BORN), runs(0), received(0), daemon(name[0] == '_'),
      nice(priority - 5), queue((unsigned)priority % 6),
      quantum((unsigned)::quantum), traced(0), name(name)
{
	inbox = (int *)calloc(INBOX_LEN, sizeof(int));
	assert(inbox);
	WAKE(this) = 0;
	//@touch this
}

task::~task()
{
	free(inbox);
}

void
task::receive(int message)
{
	inbox[received++ % INBOX_LEN] = message;
}

task_state
listener::run(scheduler &s)
{
	task *other = s.find(peer.c_str());

	if (other && other->state != TASK_ENDED) {
		other->receive(sum + (int)s.now);
		sent++;
	}
	return received % 2 ? TASK_READY : TASK_BLOCKED;
}

void
listener::receive(int message)
{
	sum += message;
	task::receive(message);
	if (state == TASK_BLOCKED)
		state = TASK_READY;
}

static HELPER size_t
table_bytes(void)
{
	return QUEUES * sizeof(unsigned) + SLACK;
}

static HELPER void
enqueue(task *t)
{
	static unsigned enqueued; /*@static-local*/

	pthread_mutex_lock(&queue_lock); /*@lock*/
	machine.ready[t->queue % 6].push_back(t);
	used[t->queue % QUEUES] += 1 + ++enqueued % 2;
	pthread_mutex_unlock(&queue_lock); /*@unlock*/
}

void
scheduler::add(task *t)
{
	all.push_back(t);
	t->state = TASK_READY;
	//@before-locked
	enqueue(t);
}

task *
scheduler::find(const char *wanted)
{
	for (task *t : all) {
		if (t->name == wanted)
			return t;
	}
	return nullptr;
}

void
scheduler::wake_up()
{
	now++;
	for (task *t : all) {
		switch (t->state) {
		case TASK_SLEEPING:
			if (WAKE(t) > now)
				break;
			t->state = TASK_READY;
			woken++;
			enqueue(t);
			break;
		case TASK_BLOCKED:
			if (!t->daemon && now % 7 == 0) {
				t->state = TASK_READY;
				enqueue(t);
			}
			break;
		case TASK_BORN:
		case TASK_READY:
		case TASK_ENDED:
			break;
		}
	}
}

static HELPER int
account_run(task *t, task_state after)
{
	//@region task *t, task_state after
	t->runs++;
	t->nice += after == TASK_READY ? 1 : -1;
	//@end
	//@touch t
	t->state = after;
	switches++;
	return (int)t->runs;
}

int
scheduler::step()
{
	for (auto &queue : ready) {
		task *t;

		if (queue.empty())
			continue;
		t = queue.front();
		queue.pop_front();
		if (t->state != TASK_READY)
			return 0;
		account_run(t, t->run(*this));
		if (t->state == TASK_READY)
			enqueue(t);
		pthread_mutex_lock(&hook_lock);
		for (auto &hook : hooks)
			hook(t);
		pthread_mutex_unlock(&hook_lock);
		return 1;
	}
	return -1;
}

int
task_spawn(const char *name, int kind, int priority, int number)
{
	//@guard priority > 30 : return -1;
	//@guard strlen(name) > 14 : return -2;
	if (machine.find(name))
		return -3;
	if (kind == 0)
		machine.add(new counter(name, priority, number));
	else if (kind == 1)
		machine.add(new sleeper(name, priority, number));
	else
		machine.add(new listener(name, priority,
					 machine.all[0]->name.c_str()));
	return (int)machine.all.size();
}

int
task_send(const char *name, int message)
{
	task *t = machine.find(name);

	//@guard message > 10000 : return -4;
	if (!t)
		return -1;
	t->receive(message);
	return (int)t->received;
}

int
task_end(const char *name) /*@export*/
{
	task *t = machine.find(name);

	if (!t || t->state == TASK_ENDED)
		return -1;
	t->state = TASK_ENDED;
	return t->progress();
}

static const char *
state_name(task_state state)
{
	switch (state) {
	case TASK_BORN:
		return "born";
	case TASK_READY:
		return "ready";
	case TASK_SLEEPING:
		return "sleeping";
	case TASK_BLOCKED:
		return "blocked";
	case TASK_ENDED:
		return "ended";
	}
	return "?";
}

//@twin
static HELPER int
appetite(const task *t)
{
	return t->runs > /*@twink*/ 5 ? (int)t->runs * 2 : (int)t->quantum + 1;
}

static HELPER int
share(const task *t)
{
	int points = t->nice / 2 + (int)t->runs * /*@k*/ 4;

	if (/*@inv*/ (t->state == TASK_READY))
		points += 45;
	return /*@val*/ (points + appetite(t));
}

static /*@ret*/ int
visit_task(void *arg, int key /*@param*/)
{
	load *l = (load *)arg;
	const task *t = machine.all[(size_t)key];
	int points = share(t) + t->progress();

	//@useparam points
	l->ready += t->state == TASK_READY;
	return points; /*@retval*/
}

static HELPER void
measure(load *l)
{
	for (const task *t : machine.all) {
		l->sleeping += t->state == TASK_SLEEPING;
		l->runs += (long)t->runs;
		l->ready += t->traced;
	}
}

static HELPER unsigned
sum_used(void)
{
	unsigned sum = 3;

	for (unsigned *p = used; p < used + QUEUES; p++)
		sum = sum * 17 + *p;
	return /*@pe*/ (sum);
}

static int
harmony(const int *shares, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += shares[i] ^ (i % 6);
	return /*@val*/ (sum - /*@k*/ 8);
}

void
task_report(void)
{
	load l = { 0, 0, 0 };
	char line[70]; /*@stack*/
	int shares[32];
	int sum, n = 0;

	//@early switches == 3 : return;
	measure(&l);
	sum = corpus_each((corpus_fn *)visit_task, &l, (int)machine.all.size());
	snprintf(line, sizeof(line), "%d ready, %d sleeping, %ld runs", l.ready,
		 l.sleeping, l.runs);
	say("%s" /*@text*/ ", shares %d\n", line, sum);
	for (const task *t : machine.all) {
		if (n < 32)
			shares[n++] = share(t) + /*@calltwin*/ appetite(t);
		say("%s %s %d, %u received, wakes %ld\n", t->name.c_str(),
		    state_name(t->state), t->progress(), t->received, WAKE(t));
	}
	say("harmony %d, used %u, %u switches\n", harmony(shares, n),
	    sum_used(), switches);
	say("woken %u, sent %u, epoch %ld, now %ld\n", woken, sent, epoch,
	    machine.now);
}

static void
turn(int steps)
{
	for (int i = 0; i < steps; i++) {
		if (i % 3 == 2)
			machine.wake_up();
		machine.step();
	}
}

void
corpus_phase(int phase)
{
	if (phase == 0) {
		//@fill
		task_spawn("first", 0, 3, 40);
		task_spawn("nap", 1, 1, 4);
		task_spawn("ear", 2, 2, 0);
		task_spawn("_daemon", 2, 5, 0);
		machine.hooks.push_back(
			[](task *t) { t->traced = t->runs % 3 == 0; });
		void *memory = corpus_alloc(table_bytes());
		memcpy(memory, used, sizeof(used));
		free(memory);
		turn(30);
		return;
	}
	epoch += phase / 5;
	quantum += phase;
	say("spawned %d %d\n",
	    task_spawn(phase == 1 ? "more" : "most", phase - 1, 4, 9),
	    task_spawn("first", 0, 1, 1));
	say("rude %d\n", task_spawn("rude", 0, 31, 2));
	say("long %d\n", task_spawn("a-task-of-many-letters", 0, 3, 2));
	say("sent %d %d\n", task_send("ear", 5), task_send("ear", 20000));
	turn(40 + phase);
	task_report();
	say("%ld\n", strtol("0x1f", NULL, 16));
	if (phase == 2)
		say("ended %d\n", task_end("first"));
}
