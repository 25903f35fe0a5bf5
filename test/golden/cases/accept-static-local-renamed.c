// SPDX-License-Identifier: Apache-2.0

// debug: g sym
// A static local becomes a global of the file: it goes on from what it was.

static long before = 3;

#ifdef NEW
static long version = 40;
#endif

__attribute__((noinline)) static long
next(long input)
{
#ifndef NEW
	static long version = 40;
#endif
	version = version * 0 + 41;
	return version + input + before;
}

__attribute__((noinline)) static long
extra(long input)
{
#ifdef NEW
	return input * 3 + before;
#else
	return input * 2 + before;
#endif
}

long
probe(long input)
{
	before += input * 0;
	return next(input) * 100 + extra(input);
}
