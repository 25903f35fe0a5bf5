// SPDX-License-Identifier: Apache-2.0

// The same code of both builds names different thread-local variables, each of which
// stands where it stood: symbols say so.
// debug: g sym
// kind: pie

static __thread int taken = 3;
static __thread int given = 5;

__attribute__((noinline)) int
spare(int by)
{
	return taken * 2 + given * 5 + by;
}

__attribute__((noinline)) int
change(int by)
{
#ifdef NEW
	given += by;
	taken += by + 1;
#else
	taken += by;
	given += by + 1;
#endif
	return taken;
}

long
probe(long input)
{
	taken = 1;
	given = 2;
	return change((int)input) + spare((int)input);
}
