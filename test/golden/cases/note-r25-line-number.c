// SPDX-License-Identifier: Apache-2.0

// An assertion stands three lines further down, and nothing else changed in its
// function: it stays, which the user is told; what really changed is carried.

#include <assert.h>

// As if lines had been added above.
#ifdef NEW
#line 400
#endif

__attribute__((noinline)) long
checked(long input)
{
	assert(input != 77777);
	return input * 3;
}

long
probe(long input)
{
#ifdef NEW
	return checked(input) + 2000;
#else
	return checked(input) + 1000;
#endif
}
