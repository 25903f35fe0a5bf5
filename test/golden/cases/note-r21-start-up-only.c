// SPDX-License-Identifier: Apache-2.0

// kind: so
// opt: -O2 -O0
// Only code that runs once, before anything else, is another. Whether that is
// a constructor or not, the user is told.

static long ready;

__attribute__((noinline)) static long
prepare(void)
{
#ifdef NEW
	return 5;
#else
	return 4;
#endif
}

__attribute__((constructor)) static void
begin(void)
{
	ready = prepare();
}

long
probe(long input)
{
	return input + ready;
}
