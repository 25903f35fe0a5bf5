// SPDX-License-Identifier: Apache-2.0

// An expression that is compiled at its first use is another one: a process that
// compiled OLD's goes on with that, and the change has no effect there.
//
// SAME: the expression is as it was; what is done with it, and what is said where it
// cannot be compiled, changed.

#include <regex.h>
#include <stdio.h>

static regex_t valid;
static int compiled;

#if defined(NEW) && !defined(SAME)
#define EXPRESSION "^[a-z0-9]+$"
#else
#define EXPRESSION "^[0-9]+$"
#endif

__attribute__((noinline)) static int
allowed(const char *name)
{
	if (!compiled) {
		if (regcomp(&valid, EXPRESSION, REG_EXTENDED | REG_NOSUB)) {
#if defined(NEW) && defined(SAME)
			fputs("cannot be compiled\n", stderr);
			return -2;
#else
			fputs("no expression\n", stderr);
			return -1;
#endif
		}
		compiled = 1;
	}
#ifdef NEW
	if (!name[0])
		return 2;
#endif
	return regexec(&valid, name, 0, NULL, 0) == 0;
}

long
probe(long input)
{
	char name[32] = "";

	if (input != 5)
		snprintf(name, sizeof(name), "%lx", (unsigned long)input);
	return allowed(name);
}
