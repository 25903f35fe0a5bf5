// SPDX-License-Identifier: Apache-2.0

// compiler: clang
// A table of texts that clang makes one of distances: the texts are carried
// with it, however the one that changed moves the others.

#include <stdio.h>
#include <string.h>

__attribute__((noinline)) static const char *
name_of(long kind)
{
	static const char *const names[] = {
		"root",
		"text",
		"parameter",
#ifdef NEW
		"a much longer name of the rest",
#else
		"rest",
#endif
	};

	return names[kind & 3];
}

__attribute__((noinline)) static long
sum(const char *text, long extra)
{
#ifdef NEW
	long total = extra + 1;
#else
	long total = extra;
#endif

	while (*text)
		total = total * 3 + *text++;
	return total;
}

long
probe(long input)
{
	return sum(name_of(input), (long)strlen(name_of(input + 1)));
}
