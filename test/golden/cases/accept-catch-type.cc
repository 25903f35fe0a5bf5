// SPDX-License-Identifier: Apache-2.0

// The code is the same; the type that is caught stands beside it only.

#ifdef NEW
#define FIRST  unsigned
#define SECOND int
#else
#define FIRST  int
#define SECOND unsigned
#endif

__attribute__((noinline)) static long
risky(long value)
{
	if (value % 3 == 1)
		throw(int) value;
	if (value % 3 == 2)
		throw(unsigned) value;
	return value;
}

__attribute__((noinline)) static long
guarded(long value)
{
	try {
		return risky(value);
	} catch (FIRST) {
		return -1;
	}
}

__attribute__((noinline)) static long
guarding(long value)
{
	try {
		return risky(value) + 1;
	} catch (SECOND) {
		return -3;
	}
}

extern "C" long
probe(long input)
{
	long sum = 0;

	try {
		sum += guarded(input);
	} catch (...) {
		sum += 1000;
	}
	try {
		sum += guarding(input);
	} catch (...) {
		sum += 2000;
	}
	return sum;
}
