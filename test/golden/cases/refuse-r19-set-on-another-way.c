// SPDX-License-Identifier: Apache-2.0

// A new variable is set where somebody logs in and asked for where a command
// comes, all in one function: who logged in before the change is not known.
// debug: g sym

static long users;
static long commands;

#ifdef NEW
static long level;
#endif

__attribute__((noinline)) static long
sum(void)
{
	return users * 100 + commands;
}

long
probe(long input)
{
	if (input & 1) {
		users++;
#ifdef NEW
		level = users + 4;
#endif
	} else {
		commands++;
#ifdef NEW
		if (!level)
			return -1;
#endif
	}
	return sum();
}
