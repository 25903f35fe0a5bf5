// SPDX-License-Identifier: Apache-2.0

// The line of an assertion moved, and another constant of the same function is
// another one: it is carried.

#include <assert.h>

// As if lines had been added above.
#ifdef NEW
#line 400
#endif

long
probe(long input)
{
	assert(input != 77777);
#ifdef NEW
	return input * 3 + 2000;
#else
	return input * 3 + 1000;
#endif
}
