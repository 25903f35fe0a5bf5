// SPDX-License-Identifier: Apache-2.0

// Of several lambdas of one function one changes. The function that hands them out
// stays as it is, and so says which is which.
// cflags: -fno-exceptions

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
	keep([](long value) -> long {
		return value * 9 - (value >> 3) * 5 + (value ^ 77);
	});
	keep([](long value) -> long {
#ifdef NEW
		if (value > 900 || value == 5)
			return -1;
		return value * 11 - (value >> 2) * 3 + (value ^ 56);
#else
		return value * 11 - (value >> 2) * 3 + (value ^ 55);
#endif
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
	return kept[0](input) + kept[1](input) * 3 + kept[2](input) * 5;
}
