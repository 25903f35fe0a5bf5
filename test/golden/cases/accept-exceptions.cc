// SPDX-License-Identifier: Apache-2.0

// Exceptions go through carried code in every way: thrown there and caught by
// code that stays, thrown below and caught there, cleaned up behind, and thrown
// on. OLD never catches a `lost`, so NEW brings a type that OLD does not name.
// opt: -O2 -O3 -Os

struct lost {
	long value;
};

struct counter {
	long *count;
	explicit counter(long *c) : count(c)
	{
	}
	~counter()
	{
		++*count;
	}
};

__attribute__((noinline)) static long
risky(long value)
{
	if (value % 5 == 1)
		throw value;
	if (value % 5 == 2)
		throw lost{ value };
	if (value % 5 == 3)
		throw "text";
	return value;
}

__attribute__((noinline)) static long
cleans(long value, long *count)
{
	counter guard(count);

#ifdef NEW
	return risky(value) * 3 + *count;
#else
	return risky(value) * 2 + *count;
#endif
}

__attribute__((noinline)) static long
catches(long value, long *count)
{
	try {
		return cleans(value, count);
	} catch (long thrown) {
#ifdef NEW
		return -thrown;
	} catch (const lost &it) {
		return it.value + 1000;
#else
		return -thrown - 1;
#endif
	} catch (const char *) {
		throw;
	}
}

__attribute__((noinline)) static long
stays(long value)
{
	long count = 0;

	try {
		return catches(value, &count) * 10 + count;
	} catch (const char *text) {
		return text[0] * 10 + count;
	} catch (...) {
		return 77000 + count;
	}
}

__attribute__((noinline)) static long
throws(long value)
{
#ifdef NEW
	if (value > 6)
		throw lost{ value * 2 };
#else
	if (value > 9)
		throw lost{ value };
#endif
	return value;
}

extern "C" long
probe(long input)
{
	long sum = stays(input);

	try {
		sum += throws(input);
	} catch (const lost &it) {
		sum += it.value * 100000;
	}
	return sum;
}
