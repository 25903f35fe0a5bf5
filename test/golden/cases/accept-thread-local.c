// SPDX-License-Identifier: Apache-2.0

// A thread-local variable that did not move is used by changed code.

static __thread long mine = 7;

__attribute__((noinline)) static void
step(void)
{
	mine++;
}

long
probe(long input)
{
	step();
#ifdef NEW
	return mine * 1000 + input * 3;
#else
	return mine * 1000 + input;
#endif
}
