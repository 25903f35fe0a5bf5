// SPDX-License-Identifier: Apache-2.0

// As note-r25-line-number, run: the function that stays is called by the carried one,
// and is the OLD one with the OLD line.

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
