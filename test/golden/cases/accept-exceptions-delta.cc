// SPDX-License-Identifier: Apache-2.0

// A function so long that its code travels as a delta to the old file, with
// unwind tables beside it.

#include <stdexcept>

__attribute__((noinline)) static long
checked(long value)
{
	if (value % 5 == 3)
		throw std::runtime_error("three");
	return value * 3;
}

#define ONE(n)     total = total * ((n)*2 + 1) + (checked(input + (n)) ^ (n)*77)
#define FOUR(n)    ONE(n), ONE((n) + 1), ONE((n) + 5), ONE((n) + 6)
#define SIXTEEN(n) FOUR(n), FOUR((n) + 10), FOUR((n) + 20), FOUR((n) + 30)

extern "C" __attribute__((noinline)) long
work(long input)
{
	long total = 1;

	try {
		SIXTEEN(0);
		SIXTEEN(100);
		SIXTEEN(200);
		SIXTEEN(300);
	} catch (const std::runtime_error &error) {
#ifdef NEW
		total += error.what()[0];
#else
		total -= error.what()[0];
#endif
	}
	return total;
}

extern "C" long
probe(long input)
{
	return work(input);
}
