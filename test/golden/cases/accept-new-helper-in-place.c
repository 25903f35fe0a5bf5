// SPDX-License-Identifier: Apache-2.0

// One static function is inlined into its caller, and in its place another
// one comes, which only computes.
// debug: strip
// opt: -O2 -O3

static long values[8];

__attribute__((noinline)) long
weigh(long *value)
{
	return value[0] * 3 + value[1];
}

#ifdef NEW
__attribute__((noinline)) static long
spread(unsigned long count)
{
	count = (count ^ 77) * 0x9e3779b97f4a7c15;
	count = (count ^ count >> 31) * 0xbf58476d1ce4e5b9;
	count = (count ^ count >> 29) * 0x94d049bb133111eb;
	count = (count ^ count >> 30) * 0x2545f4914f6cdd1d;
	return count >> 60;
}
#else
__attribute__((noinline)) static long
next(long *value)
{
	return *value += 3;
}
#endif

__attribute__((noinline)) long
work(long *value, long count)
{
#ifdef NEW
	*value += 3;
	return *value + spread(count);
#else
	return count < -9 ? 0 : next(value);
#endif
}

long
probe(long input)
{
	values[input & 7] += input;
	return work(&values[input & 7], input) + weigh(values);
}
