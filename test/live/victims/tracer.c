// SPDX-License-Identifier: Apache-2.0

// Traces a process, and lets it run, until its input ends.

#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	if (argc != 2 || ptrace(PTRACE_SEIZE, atoi(argv[1]), 0, 0) != 0)
		return 1;
	printf("ready\n");
	fflush(stdout);
	return getchar() == EOF ? 0 : 1;
}
