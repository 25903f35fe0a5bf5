// SPDX-License-Identifier: Apache-2.0

// A program that does what it is told on standard input, and notices whatever
// goes wrong: results that are neither OLD's nor NEW's, system calls that fail
// with EINTR though no signal came, signals that are lost.

#include "victim.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	THREADS_MAX = 600,
	ASKED = 5,
	OLD = 2 * ASKED + 1,
	NEW = 3 * ASKED + 2,
};

static long rounds[THREADS_MAX];
static int last[THREADS_MAX];
static long bad;
static long interrupted;
static volatile sig_atomic_t signals;
static int count;
static int pipes[2];
static pthread_t climber;

static void *
ask_often(void *arg)
{
	long i = (long)arg;

	for (;;) {
		int got = victim_answer(ASKED);
		if (got != OLD && got != NEW)
			__atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&last[i], got, __ATOMIC_RELAXED);
		__atomic_add_fetch(&rounds[i], 1, __ATOMIC_RELEASE);
		if (usleep(200 + 20 * (unsigned)count) != 0 && errno == EINTR)
			__atomic_add_fetch(&interrupted, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *
wait_often(void *arg)
{
	(void)arg;
	int fd = epoll_create1(0);
	struct epoll_event event;
	prctl(PR_SET_NAME, "waiter");
	for (;;) {
		if (epoll_wait(fd, &event, 1, 3) < 0 && errno == EINTR)
			__atomic_add_fetch(&interrupted, 1, __ATOMIC_RELAXED);
		if (poll(NULL, 0, 3) < 0 && errno == EINTR)
			__atomic_add_fetch(&interrupted, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *
climb(void *arg)
{
	const int *how = arg;
	climber = pthread_self();
	prctl(PR_SET_NAME, "climber");
	int got = victim_climb(how[0], how[1]);
	printf("climbed %d\n", got);
	fflush(stdout);
	return NULL;
}

static void *
block(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "blocker");
	int got = victim_block(pipes[0]);
	printf("unblocked %d\n", got);
	fflush(stdout);
	return NULL;
}

static void
start(void *(*fn)(void *), void *arg)
{
	pthread_t thread;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1 << 20);
	if (pthread_create(&thread, &attr, fn, arg) != 0)
		abort();
	pthread_detach(thread);
}

/** Wait until each thread asked twice more, then say what they got. */
static void
tell(void)
{
	static long before[THREADS_MAX];
	int old = 0;
	int new = 0;

	for (int i = 0; i < count; i++)
		before[i] = __atomic_load_n(&rounds[i], __ATOMIC_ACQUIRE);
	for (int i = 0; i < count; i++) {
		while (__atomic_load_n(&rounds[i], __ATOMIC_ACQUIRE) <
		       before[i] + 2)
			usleep(500);
		old += last[i] == OLD;
		new += last[i] == NEW;
	}
	printf("answer %d old %d new %d bad %ld eintr %ld parse %ld\n",
	       victim_answer(ASKED), old, new, bad, interrupted,
	       victim_parse("123"));
	fflush(stdout);
}

static void
on_signal(int sig)
{
	(void)sig;
	signals++;
	(void)victim_answer(ASKED);
}

static void
tick(void)
{
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

/** End the sleep of who climbs. */
static void
wake(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR2, &action, NULL);
	pthread_kill(climber, SIGUSR2);
}

/** A child that goes on with what it inherited. */
static void
breed(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	printf("child %d\n", (int)pid);
	fflush(stdout);
}

static void
obey(const char *line)
{
	static int how[2];

	if (strncmp(line, "ask", 3) == 0) {
		tell();
	} else if (sscanf(line, "climb %d %d", &how[0], &how[1]) == 2) {
		start(climb, how);
	} else if (strncmp(line, "wake", 4) == 0) {
		wake();
	} else if (strncmp(line, "block", 5) == 0) {
		start(block, NULL);
	} else if (strncmp(line, "free", 4) == 0) {
		(void)!write(pipes[1], "A", 1);
	} else if (strcmp(line, "tick\n") == 0) {
		tick();
	} else if (strncmp(line, "ticks", 5) == 0) {
		printf("ticks %d\n", (int)signals);
		fflush(stdout);
	} else if (strncmp(line, "breed", 5) == 0) {
		breed();
	} else if (strncmp(line, "exit", 4) == 0) {
		exit(0);
	}
}

int
main(int argc, char **argv)
{
	char line[256];

	count = argc > 1 ? atoi(argv[1]) : 0;
	if (count > THREADS_MAX || pipe(pipes) != 0)
		return 1;
	for (long i = 0; i < count; i++)
		start(ask_often, (void *)i);
	start(wait_often, NULL);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		if (!fgets(line, sizeof(line), stdin)) {
			if (ferror(stdin) && errno == EINTR) {
				clearerr(stdin);
				continue;
			}
			return 0;
		}
		obey(line);
	}
}
