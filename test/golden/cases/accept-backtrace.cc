// SPDX-License-Identifier: Apache-2.0

// A backtrace goes through carried code, to the end.
// opt: -O2 -O0

#include <execinfo.h>

__attribute__((noinline)) static long
deepest()
{
	void *frames[64];

	return backtrace(frames, 64);
}

__attribute__((noinline)) static long
carried(long (*function)(), long input)
{
	if (input > 20)
		throw input;
#ifdef NEW
	return function() * 3 + input;
#else
	return function() * 2 + input;
#endif
}

__attribute__((noinline)) static long
unchanged(long input)
{
	try {
		return carried(deepest, input) + 1;
	} catch (long thrown) {
		return -thrown;
	}
}

extern "C" long
probe(long input)
{
	return unchanged(input) + 1;
}
