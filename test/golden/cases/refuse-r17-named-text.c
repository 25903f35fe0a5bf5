// SPDX-License-Identifier: Apache-2.0
// debug: g sym

// A text that the source names stands for "not set": whoever keeps it is asked
// by its address.

static const char unset[] =
#ifdef NEW
	"not set yet";
#else
	"not set";
#endif

const char *volatile slots[4];

__attribute__((noinline, noclone)) static void
keep(long i, const char *text)
{
	slots[i & 3] = text;
}

__attribute__((noinline, noclone)) static long
is_kept(long i, const char *text)
{
	return slots[i & 3] == text;
}

void
setup(void)
{
	for (long i = 0; i < 4; i++)
		keep(i, unset);
}

long
probe(long input)
{
	return is_kept(input, unset) + (long)sizeof(unset);
}
