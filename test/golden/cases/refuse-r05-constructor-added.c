// SPDX-License-Identifier: Apache-2.0

// NEW has a constructor that OLD does not have: it would never run.

static volatile long ready;

#ifdef NEW
__attribute__((constructor)) static void
begin(void)
{
	ready = 1;
}
#endif

long
probe(long input)
{
	return input + ready;
}
