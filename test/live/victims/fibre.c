// SPDX-License-Identifier: Apache-2.0

// Leaves a context suspended inside victim_call(), on a stack of the heap that no
// thread stands on. A line of input lets it go on.

#include "victim.h"

#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

static ucontext_t home;
static ucontext_t fibre;

static int
leave(void)
{
	swapcontext(&fibre, &home);
	return 20;
}

static void
run(void)
{
	printf("called %d\n", victim_call(leave));
	fflush(stdout);
}

int
main(void)
{
	enum { SIZE = 256 << 10 };

	getcontext(&fibre);
	fibre.uc_stack.ss_sp = malloc(SIZE);
	fibre.uc_stack.ss_size = SIZE;
	fibre.uc_link = &home;
	makecontext(&fibre, run, 0);
	swapcontext(&home, &fibre);
	printf("ready\n");
	fflush(stdout);
	if (getchar() == EOF)
		return 0;
	swapcontext(&home, &fibre);
	while (getchar() != EOF) {
		printf("answer %d\n", victim_answer(5));
		fflush(stdout);
	}
	return 0;
}
