// SPDX-License-Identifier: Apache-2.0

// A constructor, which already ran, does something else.

static volatile long ready;

__attribute__((constructor)) static void
begin(void)
{
#ifdef NEW
	ready = 5;
#else
	ready = 4;
#endif
}

long
probe(long input)
{
	return input + ready;
}
