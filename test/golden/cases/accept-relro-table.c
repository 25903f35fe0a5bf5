// SPDX-License-Identifier: Apache-2.0

// A table of pointers to strings, which the dynamic linker relocates.

static const char *const names[] = { "zero",  "one",   "two",  "three",
#ifdef NEW
				     "four!", "five!", "six!", "seven!" };
#else
				     "four", "five", "six", "seven" };
#endif

__attribute__((noinline)) static const char *
name(long i)
{
#ifdef NEW
	return i < 0 ? "negative" : names[i & 7];
#else
	return names[i & 7];
#endif
}

long
probe(long input)
{
	const char *text = name(input);
	long sum = 0;

	while (*text)
		sum = sum * 3 + *text++;
	return sum;
}
