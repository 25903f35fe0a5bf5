// SPDX-License-Identifier: Apache-2.0

// A program with busy threads that notices when functions of two builds of
// chainlib.c run in one call.

#include "chain.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long rounds;
static long bad;
static int pipes[2];
static int (*picked)(int);

static void *
call_often(void *arg)
{
	(void)arg;
	for (;;) {
		int got = chain_shared(0);
		if (got != 101 && got != 202 && got != 303)
			__atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED);
		if (__atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED) % 64 == 0)
			(void)usleep(100);
	}
	return NULL;
}

static void *
block(void *arg)
{
	(void)arg;
	int got = chain_block(pipes[0]);
	printf("unblocked %d\n", got);
	fflush(stdout);
	return NULL;
}

static void
start(void *(*fn)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, NULL) != 0)
		abort();
	pthread_detach(thread);
}

static void
obey(const char *line)
{
	if (strncmp(line, "ask", 3) == 0)
		printf("shared %d second %d third %d count %ld bad %ld\n",
		       chain_shared(0), chain_second(0), chain_third(0),
		       chain_count(), __atomic_load_n(&bad, __ATOMIC_RELAXED));
	else if (strncmp(line, "pick", 4) == 0)
		printf("picked %d\n", (picked = chain_pick(0))(0));
	else if (strncmp(line, "call", 4) == 0)
		printf("called %d\n", picked(0));
	else if (strncmp(line, "rounds", 6) == 0)
		printf("rounds %ld\n",
		       __atomic_load_n(&rounds, __ATOMIC_RELAXED));
	else if (strncmp(line, "block", 5) == 0)
		start(block);
	else if (strncmp(line, "free", 4) == 0)
		(void)!write(pipes[1], "A", 1);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	char line[256];

	if (pipe(pipes) != 0)
		return 1;
	for (int i = argc > 1 ? atoi(argv[1]) : 0; i > 0; i--)
		start(call_often);
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
