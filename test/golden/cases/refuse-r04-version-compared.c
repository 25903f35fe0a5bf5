// SPDX-License-Identifier: Apache-2.0

// The version stands in writable data, and code that stays asks whether somebody
// else has the same.

#include <string.h>

char version[] =
#ifdef NEW
	"2.1-1+deb12u4";
#else
	"2.1-1+deb12u3";
#endif

char other[] = "2.1-1+deb12u3";

__attribute__((noinline, noclone)) long
is_of_same_version(const char *text)
{
	return strcmp(text, version) == 0;
}

long
probe(long input)
{
#ifdef NEW
	if (input < 3)
		return 0;
#endif
	return is_of_same_version(other) * 100 + input;
}
