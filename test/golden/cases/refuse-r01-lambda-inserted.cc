// SPDX-License-Identifier: Apache-2.0

// A lambda comes in front of another, which changes: the name that the compiler
// counts is that of the new one, and pointers to the old one are kept.
// cflags: -fno-exceptions
// debug: g sym

using op = long (*)(long);

static op kept[4];
static long count;

__attribute__((noinline)) static void
keep(op f)
{
	kept[count++ & 3] = f;
}

__attribute__((noinline)) static void
set_up()
{
#ifdef NEW
	keep([](long value) -> long {
		return value * 9 - (value >> 3) * 5 + (value ^ 77);
	});
#endif
	keep([](long value) -> long {
#ifdef NEW
		if (value > 900)
			return -1;
#endif
		return value * 11 - (value >> 2) * 3 + (value ^ 55);
	});
	keep([](long value) -> long {
		return value * 13 - (value >> 1) * 7 + (value & 33) * 91;
	});
}

extern "C" long
probe(long input)
{
	if (!count)
		set_up();
	return kept[0](input) + kept[1](input) * 3;
}
