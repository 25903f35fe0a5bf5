// SPDX-License-Identifier: Apache-2.0

// What runs once sets one more variable, on which the reader counts now: in a process
// where it ran already nobody sets it.
//
// SAME: what runs once asks more, and sets what it set.

// ldflags: -lpthread

#include <pthread.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static long base;
static long limit;

__attribute__((noinline)) void
option(long value)
{
	limit = value;
}

static void
init(void)
{
	const char *text = getenv("GRAFT_TEST_BASE");

#if defined(NEW) && defined(SAME)
	if (text && !text[0])
		text = NULL;
#endif
	base = text ? atol(text) : 1000;
#if defined(NEW) && !defined(SAME)
	if (limit == 0)
		limit = base / 10;
#endif
}

long
probe(long input)
{
	pthread_once(&once, init);
#ifdef NEW
	if (input > limit && input == 5)
		return -1;
#endif
	return base + input + limit;
}
