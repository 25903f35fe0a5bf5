// SPDX-License-Identifier: Apache-2.0

// debug: g sym
// NEW has a static variable that OLD does not have; its symbol proves it.

static long calls = 5;
#ifdef NEW
static long more;
#endif

__attribute__((noinline)) static long
count(long input)
{
	calls++;
#ifdef NEW
	more = input;
	return more * 1000 + more;
#else
	return calls * 0 + input;
#endif
}

long
probe(long input)
{
	return count(input);
}
