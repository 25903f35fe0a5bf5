// SPDX-License-Identifier: Apache-2.0

// A lambda without capture is a function whose address is taken.
// cflags: -fno-exceptions

using op = long (*)(long);

__attribute__((noinline)) static long
apply(op f, long value)
{
	return f(value) + 1;
}

extern "C" long
probe(long input)
{
	return apply([](long value) -> long {
#ifdef NEW
		return value * 11 + 2;
#else
		return value * 7;
#endif
	},
		     input);
}
