// SPDX-License-Identifier: Apache-2.0

// All that memory holds of these functions leads back to one object with a name:
// a table of commands that only this object points to, a function that is too
// short to be told by its form and registers a hook, and a callback that only a
// function hands out which the hook alone calls. What they lead to changed, so in a
// stripped build none of that matches by its form; who hands it out did not.

#include <stdlib.h>

struct command {
	const char *name;
	long (*run)(long);
	long argument;
};

struct module {
	long version;
	const struct command *commands;
	void (*start)(void);
};

static long (*volatile hook)(long);

__attribute__((noinline)) static int
compare(const void *a, const void *b)
{
	const long *x = a;
	const long *y = b;

#ifdef NEW
	if (*x < 0)
		return 1;
#endif
	if (labs(*x) % 10 != labs(*y) % 10)
		return labs(*x) % 10 < labs(*y) % 10 ? -1 : 1;
	return (*x > *y) - (*x < *y);
}

__attribute__((noinline)) static long
sorted(long value)
{
	long all[] = { value, 7 - value, value * 3, -4 };

	qsort(all, 4, sizeof(*all), compare);
	return all[0] * 1000 + all[1] * 100 + all[2] * 10 + all[3];
}

__attribute__((noinline)) static long
on_event(long value)
{
	long sum = sorted(value) + 5 + labs(value) % 10;

#ifdef NEW
	if (sum == 3)
		return 11;
#endif
	return sum;
}

__attribute__((noinline)) static void
start(void)
{
	hook = on_event;
}

__attribute__((noinline)) static long
add(long value)
{
#ifdef NEW
	if (value > 40)
		value = 40;
#endif
	return value + 3 + labs(value) % 10 + (value ^ 0x1234) / 5;
}

__attribute__((noinline)) static long
multiply(long value)
{
#ifdef NEW
	if (value < -5)
		return 0;
#endif
	return value * 3 + 1000 * (value & 3) + value / 7;
}

static const struct command commands[] = {
	{ "add", add, 1 },
	{ "multiply", multiply, 2 },
	{ NULL, NULL, 0 },
};

struct module module = { 4, commands, start };
static struct module *volatile current;

void
setup(void)
{
	current = &module;
	current->start();
}

long
probe(long input)
{
	const struct command *command;
	long sum = hook(input);

	for (command = current->commands; command->name; command++)
		sum = sum * 3 + command->run(input * command->argument);
	return sum;
}
