// SPDX-License-Identifier: Apache-2.0

// A function of the module's own has the name of one whose argument is a line, but
// nobody else binds to it: what it stores is a state, whose number changed.
// debug: sym strip
// opt: -O2 -O3 -Os

static const char *volatile last_file;
static volatile int state;

__attribute__((noinline, noipa)) static void
ERR_set_debug(const char *file, int line, const char *func)
{
	last_file = func ? file : "?";
	state = line;
}

__attribute__((noinline)) static long
check(long input)
{
#ifdef NEW
	if (input > 15 || input < 2) {
		ERR_set_debug("check.c", 97, "check");
		return -1;
	}
#else
	if (input > 15) {
		ERR_set_debug("check.c", 85, "check");
		return -1;
	}
#endif
	return input * 3;
}

long
probe(long input)
{
	return check(input) + (state > 90);
}
