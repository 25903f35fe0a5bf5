// SPDX-License-Identifier: Apache-2.0

// Loads the library of its argument: once, or (with a second argument) in a
// namespace of its own too.

#include <dlfcn.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	void *one = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	if (!one || (argc > 2 && !dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW)))
		return 1;
	int (*answer)(int) = (int (*)(int))dlsym(one, "victim_answer");
	printf("ready\n");
	fflush(stdout);
	for (int c; (c = getchar()) != EOF;) {
		if (c == 'r') {
			dlclose(one);
			one = dlopen(argv[1], RTLD_NOW);
			answer = (int (*)(int))dlsym(one, "victim_answer");
			printf("reloaded\n");
			(void)getchar();
		} else {
			printf("answer %d\n", answer(5));
		}
		fflush(stdout);
	}
	return 0;
}
