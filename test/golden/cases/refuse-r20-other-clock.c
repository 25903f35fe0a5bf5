// SPDX-License-Identifier: Apache-2.0

// Who waits is woken by another clock: the condition that exists was made to
// follow OLD's.

#include <pthread.h>
#include <time.h>

#ifdef NEW
#define CLOCK CLOCK_MONOTONIC
#else
#define CLOCK CLOCK_REALTIME
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static long made;

__attribute__((noinline)) static void
make(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK);
	pthread_cond_init(&changed, &attr);
	pthread_condattr_destroy(&attr);
	made = 1;
}

__attribute__((noinline)) static long
wait_a_moment(void)
{
	struct timespec until;

	clock_gettime(CLOCK, &until);
	pthread_mutex_lock(&lock);
	int ret = pthread_cond_timedwait(&changed, &lock, &until);
	pthread_mutex_unlock(&lock);
	return ret;
}

long
probe(long input)
{
	if (!made)
		make();
	return input + wait_a_moment();
}
