// SPDX-License-Identifier: Apache-2.0

// A thread is given the struct as that of anything, and keeps a word of it.
// debug: g
// opt: -O0 -O2

#include "../frame-struct.h"
#include <pthread.h>

static void *
run(void *p)
{
	long *w = p;
	long t = store[0];
	store[0] = w[1];
	w[1] = t;
	return 0;
}
long
probe(long input)
{
	struct rec r;
	pthread_t t;
	fill(&r, input);
	pthread_create(&t, 0, run, &r);
	pthread_join(t, 0);
	return sum(&r);
}
