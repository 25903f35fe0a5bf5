// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Threads of a child that stand inside of the functions that are looked for, outside of
 * them, or on top of words that calls of them left behind.
 */

#ifndef GRAFT_TEST_PROC_INSIDE_CHILD_H
#define GRAFT_TEST_PROC_INSIDE_CHILD_H

#include "stopped_child.h"

#include <alloca.h>
#include <pthread.h>
#include <stdlib.h>

#define UNUSED __attribute__((unused))

enum { LEFT_OVER_BYTES = 16 * 1024 };

static inline void
start_threads(void *(*fn)(void *), int count, size_t stack_bytes)
{
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	if (stack_bytes)
		pthread_attr_setstacksize(&attr, stack_bytes);
	for (int i = 0; i < count; i++) {
		pthread_t thread;
		if (pthread_create(&thread, &attr, fn, NULL) != 0)
			abort();
	}
	pthread_attr_destroy(&attr);
}

static INSIDE UNUSED void
stand_inside(void)
{
	stand();
	NO_TAIL_CALL();
}

static INSIDE UNUSED void
return_soon(int depth)
{
	if (depth > 0)
		return_soon(depth - 1);
	NO_TAIL_CALL();
}

static INSIDE UNUSED void
spin_inside(void)
{
	atomic_fetch_add(&told->ready, 1);
	for (;;)
		NO_TAIL_CALL();
}

/** Stand on top of words that former calls left there, and count those. */
static NOINLINE UNUSED void
stand_on_left_overs(void (*stand_fn)(void))
{
	const uint64_t *words = alloca(LEFT_OVER_BYTES);
	__asm__ volatile("" : "+r"(words)::"memory");
	int found = 0;
	for (size_t i = 0; i < LEFT_OVER_BYTES / 8; i++)
		found += words[i] > (uintptr_t)__start_inside_text &&
			 words[i] <= (uintptr_t)__stop_inside_text;
	told->words[0] = (void *)(intptr_t)found;
	stand_fn();
	__asm__ volatile("" ::"r"(words) : "memory");
}

static inline void *
thread_stand(void *arg)
{
	stand();
	return arg;
}

static inline void *
thread_inside(void *arg)
{
	stand_inside();
	return arg;
}

static inline void *
thread_left_overs(void *arg)
{
	return_soon(100);
	stand_on_left_overs(stand);
	return arg;
}

#endif /* GRAFT_TEST_PROC_INSIDE_CHILD_H */
