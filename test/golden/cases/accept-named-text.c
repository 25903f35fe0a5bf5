// SPDX-License-Identifier: Apache-2.0

// Texts that the source names, and that are printed and compared by what they
// say: their addresses mean nothing.

#include <stdio.h>
#include <string.h>

static const char usage[] =
#ifdef NEW
	"usage: probe NUMBER, %ld";
#else
	"usage: %ld";
#endif

static const char *const volatile none = "none";

static char buffer[64];

__attribute__((noinline, noclone)) static long
say(const char *format, long value)
{
	int len = snprintf(buffer, sizeof(buffer), format, value);

	return len + (strcmp(buffer, none) == 0);
}

long
probe(long input)
{
	return say(usage, input);
}
