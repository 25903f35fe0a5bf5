// SPDX-License-Identifier: Apache-2.0

#include "victim.h"

#include "proc/sharer.h"
#include "proc/sharers.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

/** What a child of ours answers about a process. */
enum answer {
	ANSWER_ALONE,
	ANSWER_UNKNOWN,
	ANSWER_SHARES,
	ANSWER_ERROR,
};

/** As a guardian asks: a child that was born after the look. */
static enum answer
ask(struct graft_sharers *sharers, pid_t pid, pid_t sharer)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		pid_t found = 0;
		bool alone = graft_sharers_is_alone(sharers, pid);
		struct graft_error *err = graft_sharer_find(pid, 0, sharers,
							    &found);
		if (err || found != sharer)
			_exit(ANSWER_ERROR);
		if (alone && found)
			_exit(ANSWER_ERROR);
		_exit(alone   ? ANSWER_ALONE
		      : found ? ANSWER_SHARES
			      : ANSWER_UNKNOWN);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return (enum answer)WEXITSTATUS(status);
}

static void
stand(struct victim_page *page)
{
	atomic_store(&page->ready, 1);
	for (;;)
		(void)pause();
}

static char stack[64 * 1024] __attribute__((aligned(16)));

static int
run_sharer(void *arg)
{
	struct victim_page *page = arg;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	atomic_store(&page->answers[0], syscall(SYS_getpid));
	for (;;)
		(void)pause();
	return 0;
}

/** When it is told to: a child that runs in the same memory. */
static void
shares_later(struct victim_page *page)
{
	atomic_store(&page->ready, 1);
	while (!atomic_load(&page->order))
		(void)usleep(1000);
	(void)clone(run_sharer, stack + sizeof(stack), CLONE_VM | SIGCHLD,
		    page);
	for (;;)
		(void)pause();
}

static pid_t
share(struct victim *victim)
{
	atomic_store(&victim->page->order, 1);
	for (int i = 0; i < AWAIT_MS; i++) {
		if (atomic_load(&victim->page->answers[0]))
			break;
		(void)usleep(1000);
	}
	pid_t sharer = (pid_t)atomic_load(&victim->page->answers[0]);
	assert_true(sharer > 0);
	return sharer;
}

/** Kernels without kcmp(2) see nothing of this. */
static void
see(struct graft_sharers *sharers)
{
	assert_ok(graft_sharers_keep(sharers));
	if (!sharers->count)
		skip();
}

static void
who_shares_with_nobody_is_known_to_be_alone(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_sharers_deinit)
	struct graft_sharers sharers = { 0 };
	struct victim victim = victim_start(stand, 1);
	// A busy machine may let too much time pass between the two.
	enum answer got = ANSWER_UNKNOWN;
	for (int i = 0; i < 1000 && got == ANSWER_UNKNOWN; i++) {
		see(&sharers);
		got = ask(&sharers, victim.pid, 0);
	}
	assert_int_equal(got, ANSWER_ALONE);
	victim_end(&victim);
}

static void
two_that_share_when_all_are_looked_at_are_found(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_sharers_deinit)
	struct graft_sharers sharers = { 0 };
	struct victim victim = victim_start(shares_later, 1);
	pid_t sharer = share(&victim);
	see(&sharers);
	assert_int_equal(ask(&sharers, victim.pid, sharer), ANSWER_SHARES);
	assert_int_equal(ask(&sharers, sharer, victim.pid), ANSWER_SHARES);
	victim_end(&victim);
}

static void
one_that_is_born_later_into_the_memory_is_found(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_sharers_deinit)
	struct graft_sharers sharers = { 0 };
	struct victim victim = victim_start(shares_later, 1);
	see(&sharers);
	pid_t sharer = share(&victim);
	see(&sharers);
	assert_int_equal(ask(&sharers, victim.pid, sharer), ANSWER_SHARES);
	victim_end(&victim);
}

/** Give out as many numbers as there are between the last and those that are settled. */
static void
give_out_numbers(void)
{
	for (int i = 0; i < 200; i++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			_exit(0);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
}

/** Most of the last numbers are those of processes that ended, but not all. */
static void
a_sharer_among_many_who_ended_is_found(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_sharers_deinit)
	struct graft_sharers sharers = { 0 };
	struct victim victim = victim_start(shares_later, 1);
	give_out_numbers();
	see(&sharers);
	pid_t sharer = share(&victim);
	assert_int_equal(ask(&sharers, victim.pid, sharer), ANSWER_SHARES);
	victim_end(&victim);
}

static bool
is_young(const struct graft_sharers *sharers, pid_t pid)
{
	for (size_t i = 0; i < sharers->young_count; i++) {
		if (sharers->young[i] == pid)
			return true;
	}
	return false;
}

static void
a_sharer_is_found_when_many_were_born_after_it(void **state)
{
	(void)state;
	bool settled = false;
	// A busy host gives out so many numbers that all are looked at again.
	for (int i = 0; i < 100 && !settled; i++) {
		GRAFT_CLEANUP(graft_sharers_deinit)
		struct graft_sharers sharers = { 0 };
		struct victim victim = victim_start(shares_later, 1);
		see(&sharers);
		pid_t before = sharers.settled;
		pid_t sharer = share(&victim);
		give_out_numbers();
		see(&sharers);
		settled = sharers.settled > before &&
			  is_young(&sharers, sharer);
		enum answer got = ask(&sharers, victim.pid, sharer);
		victim_end(&victim);
		assert_int_equal(got, ANSWER_SHARES);
		// Nobody is kept who has ended.
		for (size_t k = 0; settled && k < sharers.young_count; k++)
			assert_true(sharers.young[k] <= sharers.settled);
		assert_true(sharers.young_count < 100 || !settled);
	}
	assert_true(settled);
}

/** In a child: ask after many were born. @return It forgot those who ended, not the sharer. */
static bool
forgets_who_ended(struct graft_sharers *sharers, pid_t pid, pid_t sharer)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		pid_t before = sharers->settled;
		give_out_numbers();
		for (int i = 0; i < 2; i++) {
			if (graft_sharers_is_alone(sharers, pid))
				_exit(2);
		}
		_exit(sharers->settled > before + 50 &&
				      is_young(sharers, sharer) &&
				      sharers->young_count < 100
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 2);
	return WEXITSTATUS(status) == 0;
}

static void
who_ended_is_forgotten_by_who_asks_too(void **state)
{
	(void)state;
	bool forgets = false;
	// As above.
	for (int i = 0; i < 100 && !forgets; i++) {
		GRAFT_CLEANUP(graft_sharers_deinit)
		struct graft_sharers sharers = { 0 };
		struct victim victim = victim_start(shares_later, 1);
		see(&sharers);
		pid_t sharer = share(&victim);
		forgets = forgets_who_ended(&sharers, victim.pid, sharer);
		victim_end(&victim);
	}
	assert_true(forgets);
}

static void *
rest(void *arg)
{
	struct victim_page *page = arg;
	atomic_store(&page->answers[0], gettid());
	for (;;)
		(void)pause();
	return NULL;
}

/** When it is told to: a thread. */
static void
threads_later(struct victim_page *page)
{
	pthread_t thread;
	atomic_store(&page->ready, 1);
	while (!atomic_load(&page->order))
		(void)usleep(1000);
	(void)pthread_create(&thread, NULL, rest, page);
	for (;;)
		(void)pause();
}

static void
a_thread_that_is_born_later_is_no_sharer(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_sharers_deinit)
	struct graft_sharers sharers = { 0 };
	enum answer got = ANSWER_UNKNOWN;
	// A busy machine may let too much time pass between the two.
	for (int i = 0; i < 1000 && got == ANSWER_UNKNOWN; i++) {
		struct victim victim = victim_start(threads_later, 1);
		see(&sharers);
		assert_true(share(&victim) > victim.pid);
		got = ask(&sharers, victim.pid, 0);
		victim_end(&victim);
		graft_sharers_deinit(&sharers);
	}
	assert_int_equal(got, ANSWER_ALONE);
}

static void
who_is_not_a_child_born_since_is_not_answered(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_sharers_deinit)
	struct graft_sharers sharers = { 0 };
	struct victim victim = victim_start(stand, 1);
	see(&sharers);
	assert_false(graft_sharers_is_alone(&sharers, victim.pid));
	// Nobody is known before anything was seen.
	struct graft_sharers none = { 0 };
	assert_int_equal(ask(&none, victim.pid, 0), ANSWER_UNKNOWN);
	victim_end(&victim);
}

/** Ask again and again, for longer than one look says anything. In a child. */
static bool
is_alone_all_the_time(struct graft_sharers *sharers, pid_t pid)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		bool alone = true;
		for (int i = 0; alone && i < 8; i++) {
			(void)usleep(10 * 1000);
			alone = graft_sharers_is_alone(sharers, pid);
		}
		_exit(alone ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
who_asks_often_enough_may_ask_for_long(void **state)
{
	struct victim victim = victim_start(stand, 1);
	bool alone = false;

	(void)state;
	// On a busy machine a child may sleep for too long.
	for (int i = 0; i < 20 && !alone; i++) {
		GRAFT_CLEANUP(graft_sharers_deinit)
		struct graft_sharers sharers = { 0 };
		see(&sharers);
		// So many numbers are given out in 45 ms at the least.
		sharers.end = 15000;
		alone = is_alone_all_the_time(&sharers, victim.pid);
	}
	assert_true(alone);
	victim_end(&victim);
}

static void
what_a_child_saw_last_goes_on_to_be_known(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_sharers_deinit)
	struct graft_sharers sharers = { 0 };
	// Nothing was looked at: there is nothing to go on with.
	graft_sharers_learn(&sharers, 5, 5);
	assert_int_equal(sharers.seen, 0);
	see(&sharers);
	pid_t seen = sharers.seen;
	uint64_t seen_us = sharers.seen_us;
	graft_sharers_learn(&sharers, seen + 2, seen_us + 7);
	assert_int_equal(sharers.seen, seen + 2);
	assert_int_equal(sharers.seen_us, seen_us + 7);
	graft_sharers_learn(&sharers, seen + 1, seen_us + 8);
	graft_sharers_learn(&sharers, seen + 3, seen_us + 6);
	assert_int_equal(sharers.seen, seen + 2);
	// Numbers that were not looked at for too long are not noted.
	sharers.seen = 1;
	sharers.seen_us = seen_us - 10 * UINT64_C(1000000);
	graft_sharers_note(&sharers);
	assert_int_equal(sharers.seen, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_shares_with_nobody_is_known_to_be_alone),
		cmocka_unit_test(
			two_that_share_when_all_are_looked_at_are_found),
		cmocka_unit_test(
			one_that_is_born_later_into_the_memory_is_found),
		cmocka_unit_test(
			a_sharer_is_found_when_many_were_born_after_it),
		cmocka_unit_test(a_sharer_among_many_who_ended_is_found),
		cmocka_unit_test(who_ended_is_forgotten_by_who_asks_too),
		cmocka_unit_test(a_thread_that_is_born_later_is_no_sharer),
		cmocka_unit_test(what_a_child_saw_last_goes_on_to_be_known),
		cmocka_unit_test(who_is_not_a_child_born_since_is_not_answered),
		cmocka_unit_test(who_asks_often_enough_may_ask_for_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
