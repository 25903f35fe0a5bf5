// SPDX-License-Identifier: Apache-2.0

// A row comes in the middle of a table, and who chose a row by its name kept the
// number of it.

#include <string.h>

static const struct {
	const char *name;
	long factor;
} modes[] = {
	{ "idle", 3 },
#ifdef NEW
	{ "paused", 5 },
#endif
	{ "running", 7 },
	{ "done", 11 },
};

static long mode;
static long calls;

__attribute__((noinline)) static void
choose(const char *name)
{
	for (unsigned i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		if (!strcmp(modes[i].name, name))
			mode = i;
	}
}

__attribute__((noinline)) static long
factor(void)
{
	return modes[mode].factor;
}

long
probe(long input)
{
	if (input < 4)
		choose(input & 1 ? "running" : "done");
	return factor() * input + ++calls;
}
