// SPDX-License-Identifier: Apache-2.0

// NEW has a static function that OLD does not have.

#ifdef NEW
__attribute__((noinline)) static long
clamp(long value)
{
	return value > 10 ? 10 : value;
}
#endif

__attribute__((noinline)) static long
weigh(long value)
{
#ifdef NEW
	value = clamp(value);
#endif
	return value * value + 1;
}

long
probe(long input)
{
	return weigh(input) - input;
}
