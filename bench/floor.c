// SPDX-License-Identifier: Apache-2.0

// The floor of a pause, as a program: `floor PID` prints microseconds.

#include "floor.h"

int
main(int argc, char **argv)
{
	static struct floor floor;
	pid_t pid = argc == 2 ? (pid_t)strtol(argv[1], NULL, 10) : 0;
	if (pid <= 0) {
		(void)fprintf(stderr, "usage: floor PID\n");
		return 2;
	}
	if (!floor_attach(&floor, pid)) {
		perror("floor: attach");
		return 1;
	}
	uint64_t ns = floor_run(&floor);
	if (ns == 0) {
		(void)fprintf(stderr, "floor: a thread went away\n");
		return 1;
	}
	printf("%zu threads %.1f us\n", floor.count, (double)ns / 1000);
	return 0;
}
