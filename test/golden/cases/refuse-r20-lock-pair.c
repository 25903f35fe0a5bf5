// SPDX-License-Identifier: Apache-2.0

// Begin and end of a section change together while a caller may be between.

#include <pthread.h>

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t two = PTHREAD_MUTEX_INITIALIZER;
static long guarded;

__attribute__((noinline)) void
enter(void)
{
	pthread_mutex_lock(&one);
#ifdef NEW
	pthread_mutex_lock(&two);
#endif
}

__attribute__((noinline)) void
leave(void)
{
#ifdef NEW
	pthread_mutex_unlock(&two);
#endif
	pthread_mutex_unlock(&one);
}

void
unused(void)
{
	pthread_mutex_lock(&two);
	guarded++;
	pthread_mutex_unlock(&two);
}

long
probe(long input)
{
	enter();
	guarded += input;
	long value = guarded;
	leave();
	return value;
}
