// SPDX-License-Identifier: Apache-2.0

// opt: -O0 -O2
// The changed function catches an exception.

extern "C" int
puts(const char *);

__attribute__((noinline)) static long
risky(long value)
{
	if (value > 10)
		throw value;
	return value;
}

__attribute__((noinline)) static long
guarded(long value)
{
	try {
		return risky(value);
	} catch (long thrown) {
#ifdef NEW
		return thrown * 3;
#else
		return thrown * 2;
#endif
	}
}

extern "C" long
probe(long input)
{
	return guarded(input);
}
