// SPDX-License-Identifier: Apache-2.0

// debug: sym
// An object is gone and another has its place in the code. Compilers number
// them alike: that a number is the same says nothing.

#ifdef NEW
#define NAME "g.y.1"
#else
#define NAME "f.x.1"
#endif

static long before = 3;
static long held __asm__(NAME) = 40;

__attribute__((noinline)) static long
next(long input)
{
	held += input;
#ifdef NEW
	return held + input * 5 + before;
#else
	return held + input + before;
#endif
}

long
probe(long input)
{
	before += input;
	return next(input) * 100;
}
