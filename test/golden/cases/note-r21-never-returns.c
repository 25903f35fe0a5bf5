// SPDX-License-Identifier: Apache-2.0

// debug: g sym
// A main loop is another: a thread that is in it never comes to the new code,
// which the user is told.

#include <unistd.h>

volatile long rounds;

__attribute__((noinline)) void
serve(long step)
{
	for (;;) {
#ifdef NEW
		rounds += step * 2;
#else
		rounds += step;
#endif
		sleep(1);
	}
}

long
probe(long input)
{
	if (input == 9999)
		serve(input);
	return input + rounds;
}
