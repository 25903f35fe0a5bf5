// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A child that runs a scenario, attached to and stopped. As a fork of the test
 * its code lies where ours does.
 */

#ifndef GRAFT_TEST_PROC_STOPPED_CHILD_H
#define GRAFT_TEST_PROC_STOPPED_CHILD_H

#include "await.h"

#include "proc/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

/** What a child tells us. */
struct told {
	/** Threads that stand where they shall. */
	atomic_int ready;
	/** Their ids, in the order in which they came. */
	pid_t tids[1024];
	atomic_int count;
	/** Never set. */
	atomic_int leave;
	/** What the scenario has to say. */
	void *words[256];
};

static struct told *told;

/** Code to be replaced: all functions of this section. */
#define INSIDE __attribute__((section("inside_text"), noinline, used))
extern const char __start_inside_text[];
extern const char __stop_inside_text[];

#define NOINLINE __attribute__((noinline, used))

/** Keep a call from being a tail call. */
#define NO_TAIL_CALL() __asm__ volatile("" ::: "memory")

/** Stand still, for good; but the compiler does not know. */
static NOINLINE void
stand(void)
{
	int at = atomic_fetch_add(&told->count, 1);
	told->tids[at] = gettid();
	atomic_fetch_add(&told->ready, 1);
	while (!atomic_load(&told->leave))
		(void)usleep(1000 * 1000);
}

/** A child and what we hold of it. */
struct child {
	pid_t pid;
	struct graft_target *target;
	struct graft_maps *maps;
	struct graft_stack_check *check;
	const struct graft_stack_hit *hits;
	size_t count;
};

static inline void
must(struct graft_error *err)
{
	if (err)
		fail_msg("%s", graft_error_message(err));
}

static void
child_start(struct child *child, void (*scenario)(void), int threads)
{
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(told, MAP_FAILED);
	(void)fflush(NULL);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		scenario();
		_exit(0);
	}
	assert_true(reaches(&told->ready, threads));
	// Who says so is about to sleep.
	for (int i = 0; i < atomic_load(&told->count); i++)
		assert_true(gets_into_state(told->tids[i], 'S'));
	must(graft_target_open(child->pid, &child->target));
	must(graft_target_attach(child->target));
	must(graft_maps_read(child->pid, &child->maps));
}

static void
child_stop(struct child *child)
{
	must(graft_target_stop(child->target, AWAIT_STOP_US));
}

static inline void
child_check(struct child *child, const struct graft_range *ranges, size_t count,
	    bool contexts)
{
	must(graft_stack_check_new(child->target, child->maps, ranges, count,
				   &child->check));
	must(graft_stack_check_open_tables(child->check));
	graft_stack_check_set_contexts(child->check, contexts);
	child_stop(child);
	must(graft_stack_check_run(child->check, &child->hits, &child->count));
}

static inline void
child_check_inside(struct child *child)
{
	struct graft_range range = {
		.start = (uintptr_t)__start_inside_text,
		.end = (uintptr_t)__stop_inside_text,
	};
	child_check(child, &range, 1, false);
}

static void
child_end(struct child *child)
{
	graft_stack_check_free(child->check);
	graft_maps_free(child->maps);
	graft_target_close(child->target);
	(void)kill(child->pid, SIGKILL);
	(void)waitpid(child->pid, NULL, 0);
	(void)munmap(told, sizeof(*told));
	*child = (struct child){ .pid = 0 };
}

#endif /* GRAFT_TEST_PROC_STOPPED_CHILD_H */
