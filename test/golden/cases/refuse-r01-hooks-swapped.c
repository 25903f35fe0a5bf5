// SPDX-License-Identifier: Apache-2.0

// Two callbacks of one shape change places, and so do the lines that register them.
// What stands where OLD's first one stood is NEW's second one, and the function that
// registers both seems to say so too: it differs in texts only. But memory has the
// address under the name that OLD gave it.
// debug: strip
// opt: -O0 -O2 -Os
// kind: pie

#include <stdio.h>
#include <string.h>

static long got, put;
static int asked;

#ifdef NEW
static void
on_put(int value)
{
	put += value;
}
static void
on_get(int value)
{
	got += value;
}
#else
static void
on_get(int value)
{
	got += value;
}
static void
on_put(int value)
{
	put += value;
}
#endif

static struct {
	const char *name;
	void (*call)(int);
} hooks[4];
static int count;

__attribute__((noinline)) void
add_hook(const char *name, void (*call)(int))
{
	hooks[count].name = name;
	hooks[count++].call = call;
}

__attribute__((noinline)) void
run_hook(const char *name)
{
	for (int i = 0; i < count; i++) {
		if (!strcmp(hooks[i].name, name))
			hooks[i].call(asked);
	}
}

__attribute__((noinline)) void
show(void)
{
	printf("got %ld put %ld\n", got, put);
}

__attribute__((noinline)) void
add_hooks(void)
{
#ifdef NEW
	add_hook("put", on_put);
	add_hook("get", on_get);
#else
	add_hook("get", on_get);
	add_hook("put", on_put);
#endif
}

__attribute__((noinline)) void
step(long input)
{
	asked++;
#ifdef NEW
	if (asked > 1000)
		asked = 0;
#endif
	if (input == 7)
		add_hooks();
	else if (input == 8)
		run_hook("get");
	else
		run_hook("put");
	show();
}

long
probe(long input)
{
	step(input);
	return 0;
}
