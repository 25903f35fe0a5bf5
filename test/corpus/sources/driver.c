// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The process that a module of the corpus lives in.
 *
 * The module is linked in, or loaded from the path that is argument 1. Each line
 * on standard input is the number of a phase; when it has run, the driver prints
 * "end". At the end of the input it exits with 0. The runner hotpatches it while
 * it waits for a line.
 */

#include "corpus.h"

#include <dlfcn.h>

typedef void
phase_fn(int phase);

int
main(int argc, char **argv)
{
	// Volatile, so that nothing of the module is inlined into main.
	phase_fn *volatile phase = NULL;
	char line[32];

#ifdef CORPUS_LINKED
	(void)argc, (void)argv;
	phase = corpus_phase;
#else
	void *library = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	phase = (phase_fn *)dlsym(library, "corpus_phase");
#endif
	if (!phase)
		return 1;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	while (fgets(line, sizeof(line), stdin)) {
		phase(atoi(line));
		puts("end");
		fflush(stdout);
	}
	return 0;
}
