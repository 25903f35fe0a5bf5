// SPDX-License-Identifier: Apache-2.0

// New variables of one function that begin anew without harm: what sets them has
// looked at them, or sets what they begin with.
// opt: -O0 -O2 -Os
// debug: g
// compiler: gcc

#include <stdlib.h>
#include <unistd.h>

static long calls;

__attribute__((noinline)) static long
next(void)
{
	return ++calls;
}

long
probe(long input)
{
#ifdef NEW
	static long most;
	static long last;
	static long failures;
	static long *kept;
	static long filled;
	static long parent;

	if (input > most)
		most = input;
	if (last == input)
		failures++;
	else
		last = input;
	if (input > 1000)
		failures = 0;
	if (!kept)
		kept = calloc(1, sizeof(*kept));
	if (!filled) {
		parent = getppid() > 0;
		filled = 1;
	}
	return next() * 8 + (most >= input) + (kept && !*kept) + parent;
#else
	free(NULL);
	return next() * 8 + (getppid() > 0 ? 1 : 0) + (calloc(0, 0) == NULL);
#endif
}
