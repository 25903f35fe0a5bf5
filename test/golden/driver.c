// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The process that a golden case lives in.
 *
 * A case defines `long probe(long)` and, if it wants to be started, `void
 * setup(void)`; it is linked in, or loaded from the path that is argument 1.
 * Each line on standard input is a command: "probe" prints what the case
 * answers on fixed inputs, "block" and "release" let a second thread wait inside
 * `probe(-1)`. At the end of the input it exits with 0.
 */

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef GOLDEN_LINKED
extern long
probe(long input);
extern void
setup(void) __attribute__((weak));
#endif

typedef long
probe_fn(long input);
typedef void
setup_fn(void);

enum { INPUTS = 24 };

static void *
block(void *arg)
{
	probe_fn *function = *(probe_fn **)arg;

	printf("blocked %ld\n", function(-1));
	return NULL;
}

int
main(int argc, char **argv)
{
	probe_fn *answer = NULL;
	setup_fn *start = NULL;
	char line[64];

#ifdef GOLDEN_LINKED
	(void)argc, (void)argv;
	answer = probe;
	start = setup;
#else
	void *library = dlopen(argc > 1 ? argv[1] : "", RTLD_LAZY);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	answer = (probe_fn *)dlsym(library, "probe");
	start = (setup_fn *)dlsym(library, "setup");
#endif
	if (!answer)
		return 1;
	if (start)
		start();
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "probe\n") == 0) {
			for (long i = 0; i < INPUTS; i++)
				printf("%ld ", answer(i));
		} else if (strcmp(line, "block\n") == 0) {
			pthread_t thread;
			if (pthread_create(&thread, NULL, block, &answer))
				return 1;
		}
		puts("end");
	}
	return 0;
}
