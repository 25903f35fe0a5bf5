// SPDX-License-Identifier: Apache-2.0

// A lambda goes and another comes, as many as before: the one between takes the
// name that the compiler counts, and a text beside it says that it is another.
// cflags: -fno-exceptions
// debug: g sym
// opt: -O2 -O0 -O3

using op = long (*)(long);

struct row {
	const char *verb;
	op run;
};

static row rows[2];
static long count;

__attribute__((noinline)) static void
keep(const char *verb, op f)
{
	rows[count].verb = verb;
	rows[count++].run = f;
}

__attribute__((noinline)) static void
set_up()
{
#ifdef NEW
	keep("del", [](long value) -> long { return value - 3; });
	keep("get", [](long value) -> long { return value + 1; });
#else
	keep("get", [](long value) -> long { return value + 1; });
	keep("put", [](long value) -> long { return value * 2; });
#endif
}

extern "C" long
probe(long input)
{
	if (!count)
		set_up();
	for (const row &r : rows) {
		if (r.verb[0] == 'g')
			return r.run(input);
	}
	return 0;
}
