// SPDX-License-Identifier: Apache-2.0

// A third static of one name comes, and the compiler counts them otherwise: the
// name with a number is that of another object.
// compiler: gcc
// debug: sym

__attribute__((noinline)) long
first(long value)
{
	static long counter;

	counter += value;
	return counter * 3;
}

__attribute__((noinline)) long
second(long value)
{
	static long counter;

#ifdef NEW
	if (value > 3)
		return 1;
#endif
	counter += value;
	return counter * 5;
}

#ifdef NEW
__attribute__((noinline)) long
third(long value)
{
	static long counter;

	counter += value;
	return counter;
}
#endif

long
probe(long input)
{
#ifdef NEW
	return first(input) + second(input) + third(input);
#else
	return first(input) + second(input);
#endif
}
