// SPDX-License-Identifier: Apache-2.0

// A libc variable of the thread, by the function that gives its address.

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

long
probe(long input)
{
	errno = 0;
#ifdef NEW
	if (close(-1 - (int)input) < 0)
		return -errno;
	return 0;
#else
	return errno + input;
#endif
}
