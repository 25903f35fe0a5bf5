// SPDX-License-Identifier: Apache-2.0

#include "proc/gadget.h"

#include "proc/status.h"
#include "victim.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

enum { KILLS = 200, SLEEP_MS = 2000 };

/** Attach to a victim, or fail. */
static struct graft_target *
attach(const struct victim *victim)
{
	struct graft_target *target = NULL;
	assert_ok(graft_target_open(victim->pid, &target));
	assert_ok(graft_target_attach(target));
	return target;
}

/** Make one call that must go through. */
static int64_t
call(struct graft_target *target, struct graft_target_call c)
{
	assert_ok(graft_target_syscalls(target, &c, 1));
	return c.result;
}

static void
busy(struct victim_page *page)
{
	victim_work(page, 0);
}

/** Map, write, read and unmap memory in a victim, some times. */
static void
use_memory(struct graft_target *target, int times)
{
	for (int i = 0; i < times; i++) {
		int64_t addr =
			call(target,
			     (struct graft_target_call){
				     .nr = SYS_mmap,
				     .args = { 0, 8192, PROT_READ | PROT_WRITE,
					       MAP_PRIVATE | MAP_ANONYMOUS,
					       UINT64_MAX, 0 },
			     });
		assert_true(addr > 0);
		char text[16];
		assert_ok(graft_target_write(target, (uint64_t)addr + 4090,
					     "across a page", 14));
		assert_ok(graft_target_read(target, (uint64_t)addr + 4090, text,
					    14));
		assert_string_equal(text, "across a page");
		assert_int_equal(
			call(target,
			     (struct graft_target_call){
				     .nr = SYS_munmap,
				     .args = { (uint64_t)addr, 8192 } }),
			0);
		assert_error(graft_target_read(target, (uint64_t)addr, text, 1),
			     GRAFT_ERROR_OS, "read process");
	}
}

static void
a_busy_thread_makes_calls_and_keeps_its_registers(void **state)
{
	(void)state;
	struct victim victim = victim_start(busy, 1);
	struct graft_target *target = attach(&victim);
	assert_int_equal(
		call(target, (struct graft_target_call){ .nr = SYS_getpid }),
		victim.pid);
	use_memory(target, 100);
	graft_target_close(target);
	assert_works(&victim, 0);
	victim_end(&victim);
}

static void
calls_behind_a_failed_one_are_not_made(void **state)
{
	(void)state;
	struct victim victim = victim_start(busy, 1);
	struct graft_target *target = attach(&victim);
	struct graft_target_call calls[] = {
		{ .nr = SYS_getpid },
		{ .nr = SYS_close, .args = { 12345 } },
		{ .nr = SYS_kill, .args = { (uint64_t)victim.pid, SIGKILL } },
	};
	assert_ok(graft_target_syscalls(target, calls, 3));
	assert_int_equal(calls[0].result, victim.pid);
	assert_int_equal(calls[1].result, -EBADF);
	assert_int_equal(calls[2].result, -ECANCELED);
	assert_works(&victim, 0);
	graft_target_close(target);
	victim_end(&victim);
}

static void
a_target_that_dies_of_the_call_is_gone(void **state)
{
	(void)state;
	struct victim victim = victim_start(busy, 1);
	struct graft_target *target = attach(&victim);
	struct graft_target_call c = { .nr = SYS_exit_group, .args = { 3 } };
	assert_error(graft_target_syscalls(target, &c, 1),
		     GRAFT_ERROR_TARGET_GONE, "exited");
	assert_error(graft_target_stop(target, AWAIT_STOP_US),
		     GRAFT_ERROR_TARGET_GONE, "exited");
	graft_target_close(target);
	victim_end(&victim);
}

/** Alternate stack, signal mask and errno that must outlive all. */
static char alternate[64 * 1024];

/** Wait in epoll_wait(2) for ever; each wake-up is one that the test makes. */
static void
code_of_a_target_that_died_is_not_called_missing(void **state)
{
	(void)state;
	struct victim victim = victim_start(busy, 1);
	struct graft_target *target = attach(&victim);
	struct graft_vmas *vmas;
	assert_ok(graft_target_vmas(target, &vmas));
	assert_ok(graft_gadgets_find(target, vmas));
	// What is known is looked at again, and then searched.
	target->gadgets = (struct graft_gadgets){ 0 };
	(void)kill(victim.pid, SIGKILL);
	assert_true(gets_into_state(victim.pid, 'Z'));
	assert_error(graft_gadgets_find(target, vmas), GRAFT_ERROR_TARGET_GONE,
		     "exited");
	graft_target_close(target);
	victim_end(&victim);
}

static void
waiter(struct victim_page *page)
{
	int event_fd = 700;
	int epoll_fd = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN };
	(void)dup2(eventfd(0, 0), event_fd);
	(void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &event);
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	(void)sigaltstack(&stack, NULL);
	sigset_t mask;
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGUSR2);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	atomic_store(&page->ready, 1);
	for (;;) {
		errno = 0;
		int got = epoll_wait(epoll_fd, &event, 1, -1);
		uint64_t value;
		stack_t now;
		sigset_t mask_now;
		(void)sigaltstack(NULL, &now);
		bool interrupted = got == -1 && errno == EINTR;
		(void)sigprocmask(SIG_SETMASK, NULL, &mask_now);
		if (interrupted)
			atomic_fetch_add(&page->answers[0], 1);
		else if (got != 1 || read(event_fd, &value, 8) != 8)
			atomic_fetch_add(&page->failures, 1);
		if (now.ss_sp != stack.ss_sp || now.ss_flags != 0 ||
		    now.ss_size != stack.ss_size ||
		    memcmp(&mask, &mask_now, sizeof(uint64_t)) != 0)
			atomic_fetch_add(&page->failures, 1);
		atomic_fetch_add(&page->progress[0], 1);
	}
}

/** Wake the waiter, through its own descriptor. */
static void
wake(const struct victim *victim)
{
	unsigned long before = atomic_load(&victim->page->progress[0]);
	int pid_fd = (int)syscall(SYS_pidfd_open, victim->pid, 0);
	int fd = (int)syscall(SYS_pidfd_getfd, pid_fd, 700, 0);
	uint64_t one = 1;
	assert_int_equal(write(fd, &one, 8), 8);
	(void)close(fd);
	(void)close(pid_fd);
	for (int i = 0; i < AWAIT_MS; i++) {
		if (atomic_load(&victim->page->progress[0]) > before)
			break;
		(void)usleep(1000);
	}
	assert_true(gets_into_state(victim->pid, 'S'));
	assert_int_equal(atomic_load(&victim->page->progress[0]), before + 1);
	assert_int_equal(atomic_load(&victim->page->failures), 0);
}

static void
a_waiting_thread_makes_calls_and_waits_on(void **state)
{
	(void)state;
	struct victim victim = victim_start(waiter, 1);
	assert_true(gets_into_state(victim.pid, 'S'));
	struct graft_target *target = attach(&victim);
	use_memory(target, 100);
	assert_int_equal(atomic_load(&victim.page->progress[0]), 0);
	wake(&victim);
	use_memory(target, 10);
	graft_target_close(target);
	wake(&victim);
	assert_int_equal(atomic_load(&victim.page->answers[0]), 0);
	victim_end(&victim);
}

static void *
wait_for_ever(void *arg)
{
	for (;;)
		(void)pause();
	return arg;
}

static void
waiter_and_another(struct victim_page *page)
{
	pthread_t thread;

	(void)pthread_create(&thread, NULL, wait_for_ever, NULL);
	waiter(page);
}

/** Say whether anybody traces the first thread of a victim. */
static bool
is_traced(const struct victim *victim)
{
	struct graft_proc_status status;

	assert_ok(graft_proc_status_read(victim->pid, &status));
	return status.tracer != 0;
}

static void
a_process_with_one_thread_is_let_go_in_the_stop_of_the_last_calls(void **state)
{
	struct graft_target_call none = { .nr = SYS_getppid };

	(void)state;
	for (int two = 0; two < 2; two++) {
		struct victim victim =
			victim_start(two ? waiter_and_another : waiter, 1);
		assert_true(gets_into_state(victim.pid, 'S'));
		struct graft_target *target = attach(&victim);
		assert_int_equal(call(target, none), getpid());
		assert_true(is_traced(&victim));
		assert_ok(graft_target_last_syscalls(target, &none, 1));
		assert_int_equal(none.result, getpid());
		assert_int_equal(is_traced(&victim), two);
		assert_int_equal(graft_target_is_attached(target), two);
		assert_int_equal(atomic_load(&victim.page->progress[0]), 0);
		graft_target_detach(target);
		assert_false(is_traced(&victim));
		wake(&victim);
		// And it can be attached to again.
		assert_ok(graft_target_attach(target));
		use_memory(target, 2);
		graft_target_close(target);
		wake(&victim);
		victim_end(&victim);
	}
}

static void
sleeper(struct victim_page *page)
{
	atomic_store(&page->ready, 1);
	uint64_t start = now_ms();
	struct timespec sleep = { .tv_sec = SLEEP_MS / 1000 };
	long got = nanosleep(&sleep, NULL);
	atomic_store(&page->answers[1], (long)start);
	atomic_store(&page->answers[2], (long)now_ms());
	atomic_store(&page->answers[0], got);
	atomic_store(&page->order, 1);
	for (;;)
		(void)pause();
}

static void
a_sleeper_sleeps_only_its_remaining_time(void **state)
{
	(void)state;
	struct victim victim = victim_start(sleeper, 1);
	struct graft_target *target = attach(&victim);
	uint64_t last = 0;
	for (int i = 0; i < 40; i++) {
		last = now_ms();
		assert_int_equal(
			call(target,
			     (struct graft_target_call){ .nr = SYS_getpid }),
			victim.pid);
		(void)usleep(25000);
	}
	graft_target_close(target);
	assert_true(reaches(&victim.page->order, 1));
	assert_int_equal(atomic_load(&victim.page->answers[0]), 0);
	uint64_t start = (uint64_t)atomic_load(&victim.page->answers[1]);
	uint64_t end = (uint64_t)atomic_load(&victim.page->answers[2]);
	assert_true(end >= start + SLEEP_MS - 1);
	// A sleep that began anew with the last call would end later.
	assert_true(end < last + SLEEP_MS);
	victim_end(&victim);
}

/** Trace a victim and make it call, until we are killed. */
static void
trace_for_ever(const struct victim *victim)
{
	struct graft_target *target = NULL;
	struct graft_error *err = graft_target_open(victim->pid, &target);
	if (!err)
		err = graft_target_attach(target);
	while (!err) {
		struct graft_target_call calls[] = {
			{ .nr = SYS_mmap,
			  .args = { 0, 4096, PROT_READ, 0x22, UINT64_MAX } },
			{ .nr = SYS_getpid },
		};
		err = graft_target_syscalls(target, calls, 2);
		if (!err) {
			calls[1] = (struct graft_target_call){
				.nr = SYS_munmap,
				.args = { (uint64_t)calls[0].result, 4096 },
			};
			err = graft_target_syscalls(target, &calls[1], 1);
		}
		atomic_fetch_add(&victim->page->tracing, 1);
	}
	(void)fprintf(stderr, "# %s\n", graft_error_message(err));
	_exit(1);
}

/** Kill tracers of a victim, each at another moment. */
static void
kill_tracers(const struct victim *victim)
{
	srand(4711);
	for (int i = 0; i < KILLS; i++) {
		atomic_store(&victim->page->tracing, 0);
		pid_t tracer = fork();
		assert_true(tracer >= 0);
		if (tracer == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			trace_for_ever(victim);
		}
		assert_true(reaches(&victim->page->tracing, 1));
		(void)usleep((useconds_t)(rand() % 700));
		assert_int_equal(kill(tracer, SIGKILL), 0);
		int status;
		assert_int_equal(waitpid(tracer, &status, 0), tracer);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_int_equal(waitpid(victim->pid, &status, WNOHANG), 0);
	}
}

static void
a_busy_thread_survives_that_its_tracer_is_killed_anywhere(void **state)
{
	(void)state;
	struct victim victim = victim_start(busy, 1);
	kill_tracers(&victim);
	assert_works(&victim, 0);
	victim_end(&victim);
}

static void
a_waiting_thread_survives_that_its_tracer_is_killed_anywhere(void **state)
{
	(void)state;
	struct victim victim = victim_start(waiter, 1);
	kill_tracers(&victim);
	assert_true(gets_into_state(victim.pid, 'S'));
	// A tracer that is killed after the interrupt, but before it could mend
	// the call, leaves what any stop leaves: EINTR. Nothing else may come.
	assert_int_equal(atomic_load(&victim.page->progress[0]),
			 atomic_load(&victim.page->answers[0]));
	wake(&victim);
	wake(&victim);
	victim_end(&victim);
}

static void *
work_0(void *page)
{
	victim_work(page, 0);
	return NULL;
}

static void
dead_leader(struct victim_page *page)
{
	pthread_t thread;
	(void)pthread_create(&thread, NULL, work_0, page);
	pthread_exit(NULL);
}

static void
another_thread_is_used_when_the_leader_ended(void **state)
{
	(void)state;
	struct victim victim = victim_start(dead_leader, 1);
	assert_true(gets_into_state(victim.pid, 'Z'));
	struct graft_target *target = attach(&victim);
	use_memory(target, 20);
	size_t count;
	assert_ok(graft_target_stop(target, AWAIT_STOP_US));
	const struct graft_thread *threads = graft_target_threads(target,
								  &count);
	assert_int_equal(count, 1);
	assert_int_not_equal(threads[0].tid, victim.pid);
	graft_target_close(target);
	assert_works(&victim, 0);
	victim_end(&victim);
}

/** Run on a stack that lies in the heap, which nobody outside can judge. */
static void
heap_stack(struct victim_page *page)
{
	void *stack = aligned_alloc(64, 64 * 1024);
	pthread_attr_t attr;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstack(&attr, stack, 64 * 1024);
	pthread_t thread;
	(void)pthread_create(&thread, &attr, work_0, page);
	pthread_exit(NULL);
}

static void
a_stack_in_the_heap_is_refused(void **state)
{
	(void)state;
	struct victim victim = victim_start(heap_stack, 1);
	assert_true(gets_into_state(victim.pid, 'Z'));
	struct graft_target *target = attach(&victim);
	struct graft_target_call c = { .nr = SYS_getpid };
	assert_error(graft_target_syscalls(target, &c, 1), GRAFT_ERROR_REFUSED,
		     "room");
	assert_int_equal(c.result, -ECANCELED);
	graft_target_close(target);
	assert_works(&victim, 0);
	victim_end(&victim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_busy_thread_makes_calls_and_keeps_its_registers),
		cmocka_unit_test(calls_behind_a_failed_one_are_not_made),
		cmocka_unit_test(a_target_that_dies_of_the_call_is_gone),
		cmocka_unit_test(
			code_of_a_target_that_died_is_not_called_missing),
		cmocka_unit_test(a_waiting_thread_makes_calls_and_waits_on),
		cmocka_unit_test(
			a_process_with_one_thread_is_let_go_in_the_stop_of_the_last_calls),
		cmocka_unit_test(a_sleeper_sleeps_only_its_remaining_time),
		cmocka_unit_test(
			a_busy_thread_survives_that_its_tracer_is_killed_anywhere),
		cmocka_unit_test(
			a_waiting_thread_survives_that_its_tracer_is_killed_anywhere),
		cmocka_unit_test(another_thread_is_used_when_the_leader_ended),
		cmocka_unit_test(a_stack_in_the_heap_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
