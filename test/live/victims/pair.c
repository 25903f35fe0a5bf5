// SPDX-License-Identifier: Apache-2.0

// Loads the two libraries of its arguments and asks both.

#include <dlfcn.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	void *one = argc == 3 ? dlopen(argv[1], RTLD_NOW) : NULL;
	void *two = argc == 3 ? dlopen(argv[2], RTLD_NOW) : NULL;
	if (!one || !two)
		return 1;
	int (*answer)(int) = (int (*)(int))dlsym(one, "victim_answer");
	int (*other)(int) = (int (*)(int))dlsym(two, "other_answer");
	printf("ready\n");
	fflush(stdout);
	while (getchar() != EOF) {
		printf("answer %d other %d\n", answer(5), other(0));
		fflush(stdout);
	}
	return 0;
}
