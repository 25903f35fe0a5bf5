// SPDX-License-Identifier: Apache-2.0

// The same call takes another lock.

#include <pthread.h>

struct store {
	long kind;
	pthread_mutex_t readers;
	pthread_mutex_t writers;
	long value;
};

#ifdef NEW
#define LOCK writers
#else
#define LOCK readers
#endif

static struct store stores[2];

__attribute__((noinline)) long
touch(struct store *store, long value)
{
#ifdef NEW
	if (value < 0)
		return -1;
#endif
	pthread_mutex_lock(&store->LOCK);
	store->value += value;
	pthread_mutex_unlock(&store->LOCK);
	return store->value;
}

__attribute__((noinline)) long
look(struct store *store)
{
	pthread_mutex_lock(&store->readers);
	long value = store->value;
	pthread_mutex_unlock(&store->readers);
	pthread_mutex_lock(&store->writers);
	value += store->value;
	pthread_mutex_unlock(&store->writers);
	return value;
}

long
probe(long input)
{
	return touch(&stores[input & 1], input) + look(&stores[0]);
}
