// SPDX-License-Identifier: Apache-2.0

// cflags: -fno-exceptions
// A static of an inline function: one object for the process (GNU_UNIQUE).

inline long &
counter()
{
	static long value = 5;

	return value;
}

extern "C" __attribute__((noinline)) long
bump(long by)
{
#ifdef NEW
	return counter() + by * 2;
#else
	return counter() + by;
#endif
}

extern "C" void
setup()
{
	counter() = 1000;
}

extern "C" long
probe(long input)
{
	return bump(input);
}
