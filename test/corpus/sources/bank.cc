// SPDX-License-Identifier: Apache-2.0

/** @file Accounts with policies: bookings, interest, holds, a journal, audits. */

#include "corpus.h"

#include <map>
#include <string>
#include <vector>

#define DAYS     14 /*@grow*/
#define NOTE_LEN 48 /*@alloc*/
#define SLACK    16

//@enum
enum standing {
	STANDING_NEW,
	STANDING_GOOD,
	STANDING_WATCHED,
	STANDING_FROZEN,
};

struct booking {
	int from;
	int to;
	long amount;
	char *note;
};

class account;

class policy
{
      public:
	virtual ~policy() = default;
	virtual long
	fee(const account &a, long amount) const = 0; /*@vswap*/
	/*@virtual*/
	virtual long
	interest(const account &a) const = 0; /*@vswap*/
	virtual bool
	allows(const account &a, long amount) const = 0;
};

class account
{
      public:
	account(int number, const policy *rules, const char *owner);
	long
	book(long amount);

	const policy *rules;
	/*@mid*/
	long balance;
	standing state;    /*@swap*/
	unsigned bookings; /*@swap*/
	bool joint;
	/*@hole*/
	int trust;           /*@type*/
	unsigned branch : 5; /*@bits*/
	unsigned day : 9;
	unsigned vip : 1;
	union {
		long i;
		double d;
	} u;
	int number;
	std::string owner;
	/*@endm*/
};

#define HOLD(a) ((a)->u.i) /*@union*/

class savings : public policy
{
      public:
	long
	fee(const account &a, long amount) const override
	{
		return amount < 0 ? 2 + a.branch % 2 : 0;
	}
	long
	interest(const account &a) const override
	{
		return a.balance * 3 / 100;
	}
	bool
	allows(const account &a, long amount) const override
	{
		return a.balance + amount >= 0;
	}
};

class giro : public policy
{
      public:
	explicit giro(long limit) : limit(limit)
	{
	}
	long
	fee(const account &, long amount) const override
	{
		return amount > 1000 ? 5 : 1;
	}
	long
	interest(const account &a) const override
	{
		return a.balance < 0 ? a.balance / 10 : 0;
	}
	bool
	allows(const account &a, long amount) const override
	{
		return a.balance + amount >= -limit;
	}

      private:
	long limit;
};

struct audit {
	long sum;
	/*@frame*/
	long holds;
	int frozen;
};

static unsigned refused;    /*@pe1*/
static long turnover[DAYS]; /*@pe2*/
static std::map<int, account *> accounts;
static std::vector<booking> journal;
static savings saving_rules;
static giro giro_rules(300);
static int grace = 6; /*@initial*/
static int first_number;
static unsigned today;
static pthread_mutex_t journal_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t account_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &account_lock
//@otherlock &account_lock
__thread unsigned booked_here = 7; /*@tls*/
__thread unsigned looked_up = 1;   /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	first_number = 1000; /*@ctor*/
}

account::account(int number, const policy *rules, const char *owner)
    : rules(rules), balance(0), state(STANDING_NEW), bookings(0), joint(false),
      trust(-5), branch((unsigned)number % 7), day(0), vip(0), number(number),
      owner(owner)
{
	HOLD(this) = 0;
	//@touch this
}

long
account::book(long amount)
{
	balance += amount;
	bookings++;
	day = today & 511;
	//@touch this
	return balance;
}

static HELPER size_t
note_bytes(size_t len)
{
	return len + SLACK;
}

static account *
lookup(int number)
{
	auto found = accounts.find(number);

	looked_up++;
	return found == accounts.end() ? nullptr : found->second;
}

int
bank_open(const char *owner, bool saving, long first)
{
	int number = first_number + (int)accounts.size();
	account *a;

	//@guard first > 50000 : return -1;
	//@guard strlen(owner) > 16 : return -2;
	a = new account(number,
			saving ? (const policy *)&saving_rules : &giro_rules,
			owner);
	a->joint = strchr(owner, '+') != NULL;
	a->vip = first > 800;
	a->book(first);
	pthread_mutex_lock(&account_lock);
	accounts[number] = a;
	pthread_mutex_unlock(&account_lock);
	return number;
}

static HELPER void
enter(int from, int to, long amount, const char *note)
{
	static unsigned entered; /*@static-local*/
	booking b = { from, to, amount, NULL };

	pthread_mutex_lock(&journal_lock); /*@lock*/
	b.note = (char *)malloc(note_bytes(NOTE_LEN));
	assert(b.note);
	snprintf(b.note, NOTE_LEN, "%u: %s", ++entered, note);
	journal.push_back(b);
	turnover[today % DAYS] += amount;
	booked_here++;
	pthread_mutex_unlock(&journal_lock); /*@unlock*/
}

static void
judge_standing(account *a)
{
	switch (a->state) {
	case STANDING_NEW:
		if (a->bookings > 2)
			a->state = STANDING_GOOD;
		break;
	case STANDING_GOOD:
		if (a->balance < 0)
			a->state = STANDING_WATCHED;
		break;
	case STANDING_WATCHED:
		if (a->balance < -200)
			a->state = STANDING_FROZEN;
		else if (a->balance > grace)
			a->state = STANDING_GOOD;
		break;
	case STANDING_FROZEN:
		break;
	}
}

long
bank_transfer(int from, int to, long amount, const char *note)
{
	account *a = lookup(from), *b = lookup(to);
	long fee;

	//@guard amount > 5000 : return -1;
	if (!a || !b || amount <= 0)
		return -2;
	if (a->state == STANDING_FROZEN ||
	    !a->rules->allows(*a, -amount - HOLD(a))) {
		refused++;
		a->trust -= 2;
		return -3;
	}
	fee = a->rules->fee(*a, -amount);
	a->book(-amount - fee);
	b->book(amount);
	//@region account *a, account *b
	a->trust += 1;
	b->trust += 2;
	//@end
	judge_standing(a);
	judge_standing(b);
	//@before-locked
	enter(from, to, amount, note);
	return fee;
}

int
bank_hold(int number, long amount) /*@export*/
{
	account *a = lookup(number);

	if (!a)
		return -1;
	HOLD(a) += amount;
	return (int)a->bookings;
}

void
bank_night(void)
{
	for (auto &entry : accounts) {
		account *a = entry.second;
		long interest = a->rules->interest(*a);

		if (interest)
			a->book(interest);
		judge_standing(a);
	}
	today++;
}

static const char *
standing_name(standing state)
{
	switch (state) {
	case STANDING_NEW:
		return "new";
	case STANDING_GOOD:
		return "good";
	case STANDING_WATCHED:
		return "watched";
	case STANDING_FROZEN:
		return "frozen";
	}
	return "?";
}

//@twin
static HELPER int
habit(const account *a)
{
	return a->bookings > /*@twink*/ 4 ? (int)a->bookings * 4
					  : (int)a->branch + 1;
}

static HELPER int
rating(const account *a)
{
	int points = a->trust / 2 + (int)a->bookings * /*@k*/ 7;

	if (/*@inv*/ (a->vip && a->state == STANDING_GOOD))
		points += 70;
	return /*@val*/ (points + habit(a));
}

static /*@ret*/ int
visit_account(void *arg, int key /*@param*/)
{
	audit *x = (audit *)arg;
	const account *a = lookup(first_number + key);
	int points = a ? rating(a) : 0;

	//@useparam points
	x->frozen += a && a->state == STANDING_FROZEN;
	return points; /*@retval*/
}

static HELPER void
check_all(audit *x)
{
	for (auto &entry : accounts) {
		x->sum += entry.second->balance;
		x->holds += HOLD(entry.second);
		x->frozen += entry.second->joint;
	}
}

static HELPER long
sum_turnover(void)
{
	long sum = 1;

	for (long *p = turnover; p < turnover + DAYS; p++)
		sum = sum * 3 + *p;
	return /*@pe*/ (sum);
}

static int
blend(const int *ratings, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += ratings[i] * 3 % 31;
	return /*@val*/ (sum + /*@k*/ 25);
}

void
bank_report(void)
{
	audit x = { 0, 0, 0 };
	char line[80]; /*@stack*/
	int ratings[32];
	int sum, n = 0;

	//@early refused == 55 : return;
	check_all(&x);
	sum = corpus_each((corpus_fn *)visit_account, &x, (int)accounts.size());
	snprintf(line, sizeof(line), "sum %ld, holds %ld, %d frozen", x.sum,
		 x.holds, x.frozen);
	say("%s" /*@text*/ ", rating %d\n", line, sum);
	for (auto &entry : accounts) {
		const account *a = entry.second;

		if (n < 32)
			ratings[n++] = rating(a) + /*@calltwin*/ habit(a);
		say("%d %s: %ld, %s, %d\n", a->number, a->owner.c_str(),
		    a->balance, standing_name(a->state), rating(a));
	}
	for (auto &b : journal)
		say("  %d to %d: %ld (%s)\n", b.from, b.to, b.amount, b.note);
	say("blend %d, turnover %ld, %u refused\n", blend(ratings, n),
	    sum_turnover(), refused);
	say("booked %u, looked up %u\n", booked_here, looked_up);
}

void
corpus_phase(int phase)
{
	static const char *const owners[] = { "ann", "bob+bea", "cleo", "dan",
					      "eve" };

	if (phase == 0) {
		//@fill
		for (int i = 0; i < 5; i++)
			bank_open(owners[i], i % 2 == 0, 100 + 190 * i);
		for (int i = 0; i < 6; i++)
			bank_transfer(1000 + i % 5, 1000 + (i * 3 + 1) % 5,
				      40 + i * 35, "rent");
		bank_night();
		bank_hold(1002, 30);
		return;
	}
	first_number += phase / 5;
	grace += phase - 1;
	for (int i = 0; i < 8; i++)
		say("%ld\n", bank_transfer(1000 + i % 5, 1000 + (i * 2 + 3) % 5,
					   25 * phase + i * 44, "food"));
	say("large %ld\n", bank_transfer(1004, 1000, 6000, "yacht"));
	say("rich %d\n", bank_open("rich", false, 60000));
	say("long %d\n", bank_open("a name of many letters", true, 10));
	bank_night();
	bank_report();
	say("octal %ld\n", strtol("17", NULL, 8));
	if (phase == 2)
		say("hold %d\n", bank_hold(1001, 11));
}
