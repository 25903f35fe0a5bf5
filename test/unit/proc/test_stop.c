// SPDX-License-Identifier: Apache-2.0

#include "victim.h"

#include "proc/status.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

enum {
	STOP_US = AWAIT_STOP_US,
	SLEEP_MS = 2000,
};

static struct graft_target *
attach(const struct victim *victim)
{
	struct graft_target *target = NULL;
	assert_ok(graft_target_open(victim->pid, &target));
	assert_ok(graft_target_attach(target));
	return target;
}

/** Count the threads of a process, and those that stand in a trace stop. */
static void
count_threads(pid_t pid, size_t *all, size_t *stopped)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	*all = 0;
	*stopped = 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		pid_t tid = atoi(entry->d_name);
		struct graft_proc_status status = { 0 };
		if (tid <= 0)
			continue;
		struct graft_error *err = graft_proc_status_read(tid, &status);
		*all += !err && status.state != 'Z' && status.state != 'X';
		*stopped += !err && status.state == 't';
		graft_error_free(err);
	}
	(void)closedir(dir);
}

/** Stop, see that all stand, let go, and attach again. */
static void
stop_once(struct graft_target *target)
{
	size_t count, all, stopped;
	assert_ok(graft_target_stop(target, STOP_US));
	(void)graft_target_threads(target, &count);
	count_threads(graft_target_pid(target), &all, &stopped);
	assert_int_equal(all, stopped);
	assert_int_equal(all, count);
	graft_target_release(target);
	assert_ok(graft_target_attach(target));
}

struct worker {
	struct victim_page *page;
	int index;
};

static void *
work(void *arg)
{
	struct worker *worker = arg;
	victim_work(worker->page, worker->index);
	return NULL;
}

static void
four_busy(struct victim_page *page)
{
	static struct worker workers[4];
	pthread_t thread;
	for (int i = 1; i < 4; i++) {
		workers[i] = (struct worker){ page, i };
		(void)pthread_create(&thread, NULL, work, &workers[i]);
	}
	victim_work(page, 0);
}

static void
busy_threads_are_stopped_and_go_on(void **state)
{
	(void)state;
	struct victim victim = victim_start(four_busy, 4);
	struct graft_target *target = attach(&victim);
	for (int i = 0; i < 50; i++)
		stop_once(target);
	unsigned long before[4];
	assert_ok(graft_target_stop(target, STOP_US));
	for (int i = 0; i < 4; i++)
		before[i] = atomic_load(&victim.page->progress[i]);
	(void)usleep(50000);
	for (int i = 0; i < 4; i++)
		assert_int_equal(before[i],
				 atomic_load(&victim.page->progress[i]));
	graft_target_close(target);
	for (int i = 0; i < 4; i++)
		assert_works(&victim, i);
	victim_end(&victim);
}

static void
sleeper(struct victim_page *page)
{
	atomic_store(&page->ready, 1);
	uint64_t start = now_ms();
	struct timespec sleep = { .tv_sec = SLEEP_MS / 1000 };
	atomic_store(&page->answers[0], nanosleep(&sleep, NULL));
	atomic_store(&page->answers[1], (long)start);
	atomic_store(&page->answers[2], (long)now_ms());
	atomic_store(&page->order, 1);
	for (;;)
		(void)pause();
}

static void
a_sleep_takes_as_long_as_it_should(void **state)
{
	(void)state;
	struct victim victim = victim_start(sleeper, 1);
	struct graft_target *target = attach(&victim);
	uint64_t last = 0;
	for (int i = 0; i < 20; i++) {
		last = now_ms();
		stop_once(target);
		(void)usleep(50000);
	}
	graft_target_close(target);
	assert_true(reaches(&victim.page->order, 1));
	assert_int_equal(atomic_load(&victim.page->answers[0]), 0);
	uint64_t start = (uint64_t)atomic_load(&victim.page->answers[1]);
	uint64_t end = (uint64_t)atomic_load(&victim.page->answers[2]);
	assert_true(end >= start + SLEEP_MS - 1);
	// A sleep that began anew with the last stop would end later.
	assert_true(end < last + SLEEP_MS);
	victim_end(&victim);
}

static atomic_long handled;
static atomic_long handled_sum;

static void
on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	atomic_fetch_add(&handled, 1);
	atomic_fetch_add(&handled_sum, info->si_value.sival_int);
}

static void
handle_signals(void)
{
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO };
	(void)sigaction(SIGRTMIN + 3, &action, NULL);
}

static void
interruptible(struct victim_page *page)
{
	handle_signals();
	struct epoll_event event;
	int fd = epoll_create1(0);
	atomic_store(&page->ready, 1);
	for (;;) {
		int got = epoll_wait(fd, &event, 1, -1);
		if (got != -1 || errno != EINTR)
			atomic_fetch_add(&page->failures, 1);
		// As many returns as there were signals.
		atomic_fetch_add(&page->progress[0], 1);
		atomic_store(&page->answers[0], atomic_load(&handled));
		atomic_store(&page->answers[1], atomic_load(&handled_sum));
	}
}

static void
the_eintr_of_a_real_signal_is_not_lost(void **state)
{
	(void)state;
	struct victim victim = victim_start(interruptible, 1);
	assert_true(gets_into_state(victim.pid, 'S'));
	struct graft_target *target = attach(&victim);
	for (unsigned long i = 1; i <= 20; i++) {
		assert_ok(graft_target_stop(target, STOP_US));
		union sigval value = { .sival_int = (int)i };
		assert_int_equal(sigqueue(victim.pid, SIGRTMIN + 3, value), 0);
		graft_target_release(target);
		for (int n = 0; n < AWAIT_MS; n++) {
			if (atomic_load(&victim.page->progress[0]) == i)
				break;
			(void)usleep(1000);
		}
		// It waits again: a signal that came before would be none.
		assert_true(gets_into_state(victim.pid, 'S'));
		assert_int_equal(atomic_load(&victim.page->progress[0]), i);
		assert_int_equal(atomic_load(&victim.page->answers[0]), i);
		assert_ok(graft_target_attach(target));
	}
	assert_int_equal(atomic_load(&victim.page->answers[1]), 210);
	assert_int_equal(atomic_load(&victim.page->failures), 0);
	graft_target_close(target);
	victim_end(&victim);
}

static void
signalled(struct victim_page *page)
{
	handle_signals();
	struct worker worker = { page, 0 };
	pthread_t thread;
	(void)pthread_create(&thread, NULL, work, &worker);
	for (;;) {
		(void)usleep(200);
		atomic_store(&page->answers[0], atomic_load(&handled));
		atomic_store(&page->answers[1], atomic_load(&handled_sum));
	}
}

static void
signals_sent_all_the_time_arrive_once_and_whole(void **state)
{
	(void)state;
	enum { SIGNALS_AT_LEAST = 4000, STOPS_AT_LEAST = 60 };
	struct victim victim = victim_start(signalled, 1);
	pid_t sender = fork();
	if (sender == 0) {
		for (int i = 0;
		     i < SIGNALS_AT_LEAST || !atomic_load(&victim.page->order);
		     i++) {
			union sigval value = { .sival_int = i };
			while (sigqueue(victim.pid, SIGRTMIN + 3, value) != 0)
				(void)usleep(100);
			atomic_store(&victim.page->answers[2], i + 1);
			(void)usleep(50);
		}
		_exit(0);
	}
	struct graft_target *target = attach(&victim);
	for (int i = 0; waitpid(sender, NULL, WNOHANG) == 0; i++) {
		atomic_store(&victim.page->order, i >= STOPS_AT_LEAST);
		stop_once(target);
		struct graft_target_call c = { .nr = SYS_getpid };
		assert_ok(graft_target_syscalls(target, &c, 1));
		assert_int_equal(c.result, victim.pid);
	}
	graft_target_close(target);
	long sent = atomic_load(&victim.page->answers[2]);
	long sum = sent * (sent - 1) / 2;
	for (int i = 0; i < AWAIT_MS; i++) {
		// The handler may be between the two.
		if (atomic_load(&victim.page->answers[0]) == sent &&
		    atomic_load(&victim.page->answers[1]) == sum)
			break;
		(void)usleep(1000);
	}
	assert_true(sent >= SIGNALS_AT_LEAST);
	assert_int_equal(atomic_load(&victim.page->answers[0]), sent);
	assert_int_equal(atomic_load(&victim.page->answers[1]), sum);
	assert_works(&victim, 0);
	victim_end(&victim);
}

static void *
short_life(void *page)
{
	atomic_fetch_add(&((struct victim_page *)page)->progress[1], 1);
	return NULL;
}

static void *
breed(void *page)
{
	for (;;) {
		pthread_t threads[4];
		for (int i = 0; i < 4; i++) {
			if (pthread_create(&threads[i], NULL, short_life,
					   page) != 0)
				abort();
		}
		for (int i = 0; i < 4; i++)
			(void)pthread_join(threads[i], NULL);
	}
	return NULL;
}

static void
breeder(struct victim_page *page)
{
	pthread_t thread;
	(void)pthread_create(&thread, NULL, breed, page);
	(void)pthread_create(&thread, NULL, breed, page);
	victim_work(page, 0);
}

static void
threads_that_come_and_go_are_all_stopped(void **state)
{
	(void)state;
	struct victim victim = victim_start(breeder, 1);
	struct graft_target *target = attach(&victim);
	for (int i = 0; i < 100; i++)
		stop_once(target);
	graft_target_close(target);
	assert_works(&victim, 0);
	assert_works(&victim, 1);
	victim_end(&victim);
}

static void *
rest(void *page)
{
	atomic_fetch_add(&((struct victim_page *)page)->ready, 1);
	for (;;) {
		(void)usleep(1000);
		atomic_fetch_add(&((struct victim_page *)page)->progress[1], 1);
	}
	return NULL;
}

static void
five_hundred(struct victim_page *page)
{
	pthread_attr_t attr;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, 64 * 1024);
	pthread_t thread;
	for (int i = 0; i < 500; i++)
		(void)pthread_create(&thread, &attr, rest, page);
	victim_work(page, 0);
}

static void
five_hundred_threads_are_stopped(void **state)
{
	(void)state;
	struct victim victim = victim_start(five_hundred, 501);
	struct graft_target *target = attach(&victim);
	for (int i = 0; i < 6; i++)
		stop_once(target);
	graft_target_close(target);
	assert_works(&victim, 0);
	assert_works(&victim, 1);
	victim_end(&victim);
}

static void
a_process_that_was_stopped_stays_stopped(void **state)
{
	(void)state;
	struct victim victim = victim_start(four_busy, 4);
	(void)kill(victim.pid, SIGSTOP);
	assert_true(gets_into_state(victim.pid, 'T'));
	struct graft_target *target = attach(&victim);
	for (int i = 0; i < 6; i++) {
		stop_once(target);
		struct graft_target_call c = { .nr = SYS_getpid };
		assert_ok(graft_target_syscalls(target, &c, 1));
		assert_int_equal(c.result, victim.pid);
	}
	unsigned long before = atomic_load(&victim.page->progress[0]);
	graft_target_close(target);
	assert_true(gets_into_state(victim.pid, 'T'));
	(void)usleep(50000);
	assert_int_equal(atomic_load(&victim.page->progress[0]), before);
	(void)kill(victim.pid, SIGCONT);
	for (int i = 0; i < 4; i++)
		assert_works(&victim, i);
	victim_end(&victim);
}

static void
stopping_and_continuing_it_meanwhile_works(void **state)
{
	(void)state;
	struct victim victim = victim_start(four_busy, 4);
	struct graft_target *target = attach(&victim);
	for (int i = 0; i < 20; i++) {
		(void)kill(victim.pid, i % 2 ? SIGCONT : SIGSTOP);
		(void)usleep((useconds_t)(i * 100));
		stop_once(target);
	}
	graft_target_close(target);
	for (int i = 0; i < 4; i++)
		assert_works(&victim, i);
	victim_end(&victim);
}

/** A parent in vfork(2) cannot be interrupted. */
static void
in_vfork(struct victim_page *page)
{
	struct worker worker = { page, 0 };
	pthread_t thread;
	(void)pthread_create(&thread, NULL, work, &worker);
	// The raw call, for a child that only sleeps. Once it runs its parent
	// is in the kernel until it ends.
	pid_t child = (pid_t)syscall(SYS_clone,
				     0x4000 /* CLONE_VFORK */ | SIGCHLD, NULL,
				     NULL, NULL, NULL);
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)atomic_fetch_add(&page->ready, 1);
		while (atomic_load(&page->order) == 0)
			(void)usleep(1000);
		_exit(0);
	}
	victim_work(page, 1);
}

static void
a_thread_that_does_not_stop_is_named_and_nobody_stays_stopped(void **state)
{
	(void)state;
	struct victim victim = victim_start(in_vfork, 2);
	struct graft_target *target = attach(&victim);
	char name[32];
	(void)snprintf(name, sizeof(name), "thread %d", victim.pid);
	for (int i = 0; i < 3; i++) {
		assert_error(graft_target_stop(target, 20000),
			     GRAFT_ERROR_LIMIT, name);
		assert_works(&victim, 0);
	}
	atomic_store(&victim.page->order, 1);
	(void)usleep(50000);
	stop_once(target);
	graft_target_close(target);
	assert_works(&victim, 0);
	assert_works(&victim, 1);
	victim_end(&victim);
}

static void
execer(struct victim_page *page)
{
	struct worker worker = { page, 0 };
	pthread_t thread;
	(void)pthread_create(&thread, NULL, work, &worker);
	while (atomic_load(&page->order) == 0)
		(void)usleep(1000);
	(void)execlp("sleep", "sleep", "60", NULL);
}

static void
a_process_that_becomes_another_program_is_gone(void **state)
{
	(void)state;
	struct victim victim = victim_start(execer, 1);
	struct graft_target *target = attach(&victim);
	stop_once(target);
	atomic_store(&victim.page->order, 1);
	// Its threads end first, and wait for us to take note.
	assert_true(threads_get_into_state(victim.pid, 'Z', 1));
	assert_error(graft_target_stop(target, STOP_US),
		     GRAFT_ERROR_TARGET_GONE, "another program");
	graft_target_close(target);
	// The new program was let go.
	assert_true(gets_into_state(victim.pid, 'S'));
	victim_end(&victim);
}

static void
a_process_that_dies_is_gone(void **state)
{
	(void)state;
	struct victim victim = victim_start(four_busy, 4);
	struct graft_target *target = attach(&victim);
	assert_ok(graft_target_stop(target, STOP_US));
	(void)kill(victim.pid, SIGKILL);
	assert_true(gets_into_state(victim.pid, 'Z'));
	graft_target_release(target);
	// A first thread that ended can be attached to; only a stop tells that
	// no other one is left. That its parent is told, victim_end() shows.
	struct graft_error *err = graft_target_attach(target);
	if (!err)
		err = graft_target_stop(target, STOP_US);
	assert_error(err, GRAFT_ERROR_TARGET_GONE, "exited");
	char byte;
	assert_error(graft_target_read(target, 4096, &byte, 1),
		     GRAFT_ERROR_TARGET_GONE, "exited");
	graft_target_close(target);
	victim_end(&victim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(busy_threads_are_stopped_and_go_on),
		cmocka_unit_test(a_sleep_takes_as_long_as_it_should),
		cmocka_unit_test(the_eintr_of_a_real_signal_is_not_lost),
		cmocka_unit_test(
			signals_sent_all_the_time_arrive_once_and_whole),
		cmocka_unit_test(threads_that_come_and_go_are_all_stopped),
		cmocka_unit_test(five_hundred_threads_are_stopped),
		cmocka_unit_test(a_process_that_was_stopped_stays_stopped),
		cmocka_unit_test(stopping_and_continuing_it_meanwhile_works),
		cmocka_unit_test(
			a_thread_that_does_not_stop_is_named_and_nobody_stays_stopped),
		cmocka_unit_test(
			a_process_that_becomes_another_program_is_gone),
		cmocka_unit_test(a_process_that_dies_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
