// SPDX-License-Identifier: Apache-2.0

// A line of the source is handed to a function that stores it. Its interface, which
// other modules bind to, says that this argument is a line: no meaning changed.
// kind: so

static const char *volatile last_file;
static volatile int last_line;

__attribute__((noinline, noipa)) void
ERR_set_debug(const char *file, int line, const char *func)
{
	last_file = func ? file : "?";
	last_line = line;
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
	return check(input) + (last_file != 0) * 0;
}
