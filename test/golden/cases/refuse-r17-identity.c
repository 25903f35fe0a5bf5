// SPDX-License-Identifier: Apache-2.0

// A constant is compared by address and is another now: pointers to the old one
// are around.

#ifdef NEW
static const char none[] = "nothing";
#else
static const char none[] = "none";
#endif

const char *volatile current;

void
setup(void)
{
	current = none;
}

__attribute__((noinline)) static long
is_none(const char *name)
{
#ifdef NEW
	return name == none ? 2 : 0;
#else
	return name == none;
#endif
}

long
probe(long input)
{
	if (input == 500)
		current = 0;
	return is_none(current) + (long)sizeof(none);
}
