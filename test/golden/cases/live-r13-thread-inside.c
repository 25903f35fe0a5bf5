// SPDX-License-Identifier: Apache-2.0

// block: a thread waits inside the function that is replaced

#include <time.h>
#include <unistd.h>

long
probe(long input)
{
	if (input < 0) {
		for (;;)
			sleep(1000);
	}
#ifdef NEW
	return input * 4;
#else
	return input * 3;
#endif
}
