// SPDX-License-Identifier: Apache-2.0

// A program whose threads sit in a function of immediatelib.c, call it often, or call
// it once.

#include "immediate.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char room[64];
static int pipes[2];

static void *
sit(void *arg)
{
	struct work work = { .in = pipes[0], .limit = 8, .buf = room };
	long got = immediate_take(&work, 4);

	(void)arg;
	printf("sat %ld sum %ld\n", got, work.sum);
	fflush(stdout);
	return NULL;
}

static void *
spin(void *arg)
{
	struct work work = { .in = -1, .limit = 8, .buf = room };

	(void)arg;
	for (;;)
		(void)immediate_take(&work, 4);
	return NULL;
}

/** Call it here, with as many bytes as it wants. */
static void
call(long want)
{
	struct work work = { .limit = 8, .buf = room };
	int own[2];

	if (pipe(own) != 0 || write(own[1], room, (size_t)want) != want)
		exit(1);
	work.in = own[0];
	long got = immediate_take(&work, want);
	printf("got %ld sum %ld\n", got, work.sum);
	close(own[0]);
	close(own[1]);
}

int
main(void)
{
	char line[64];
	pthread_t thread;

	if (pipe(pipes) != 0)
		return 1;
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "sit\n") == 0)
			(void)pthread_create(&thread, NULL, sit, NULL);
		else if (strcmp(line, "spin\n") == 0)
			(void)pthread_create(&thread, NULL, spin, NULL);
		else if (strcmp(line, "where\n") == 0)
			printf("%p\n", (void *)immediate_take);
		else if (strcmp(line, "feed\n") == 0)
			(void)!write(pipes[1], "fed!", 4);
		else if (strncmp(line, "call ", 5) == 0)
			call(atol(line + 5));
		fflush(stdout);
	}
	return 0;
}
