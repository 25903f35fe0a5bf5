// SPDX-License-Identifier: Apache-2.0

// kind: so
// One function of OLD stands for two of NEW, of which one is another.

__attribute__((noinline)) long
first(long value)
{
	return value * 3 + 1;
}

#ifdef NEW
__attribute__((noinline)) long
second(long value)
{
	return value * 5 + 2;
}
#else
long
second(long value) __attribute__((alias("first")));
#endif

long
probe(long input)
{
	return first(input) * 1000 + second(input);
}
