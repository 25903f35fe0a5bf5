// SPDX-License-Identifier: Apache-2.0

// A row was put in front of a table that only a pointer of a named object leads to,
// and its function is more like that of the old first row than this one's own new
// version. What stands in one place of the table on both sides is not one function.
// debug: strip
// opt: -O2 -O3 -Os

#include <stdlib.h>

struct command {
	const char *name;
	long (*run)(long);
};

struct module {
	long version;
	const struct command *commands;
};

#ifdef NEW
__attribute__((noinline)) static long
before(long value)
{
	return value + 3 + labs(value) * 5 - atol("4") + (value & 12);
}

__attribute__((noinline)) static long
add(long value)
{
	long sum = 0;

	while (value > 100)
		sum ^= value-- * 77;
	return sum + value + 3 + labs(value) * 6;
}
#else
__attribute__((noinline)) static long
add(long value)
{
	return value + 3 + labs(value) * 6 - atol("4") + (value & 12);
}
#endif

static const struct command commands[] = {
#ifdef NEW
	{ "before", before },
#endif
	{ "add", add },
	{ NULL, NULL },
};

struct module module = { 4, commands };
static struct module *volatile current;

void
setup(void)
{
	current = &module;
}

long
probe(long input)
{
	const struct command *command;
	long sum = 0;

	for (command = current->commands; command->name; command++)
		sum = sum * 3 + command->run(input);
	return sum;
}
