// SPDX-License-Identifier: Apache-2.0

// Templates have the lambdas that they are made for in their names: what calls
// them says which is which.
// cflags: -fno-exceptions

template <typename F>
__attribute__((noinline)) static long
twice(F f, long value)
{
	static long calls;

	return f(f(value)) + ++calls * 0;
}

extern "C" long
probe(long input)
{
	long one = twice(
		[](long value) -> long {
#ifdef NEW
			if (value > 900)
				return value * 3;
			return value * 11 - (value >> 2) * 3 + (value ^ 56);
#else
			return value * 11 - (value >> 2) * 3 + (value ^ 55);
#endif
		},
		input);
	long two = twice(
		[](long value) -> long {
			return value * 13 - (value >> 1) * 7 +
			       (value & 33) * 91;
		},
		input);

	return one * 3 + two;
}
