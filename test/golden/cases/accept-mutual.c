// SPDX-License-Identifier: Apache-2.0

// Two changed functions call each other, and an unchanged one stands between.

long
even(long value);

__attribute__((noinline)) long
decrement(long value)
{
	return value - 1;
}

__attribute__((noinline)) long
odd(long value)
{
#ifdef NEW
	return value == 0 ? -5 : even(decrement(value)) + 1;
#else
	return value == 0 ? 0 : even(decrement(value));
#endif
}

__attribute__((noinline)) long
even(long value)
{
#ifdef NEW
	return value == 0 ? 100 : odd(decrement(value)) + 2;
#else
	return value == 0 ? 1 : odd(decrement(value));
#endif
}

long
probe(long input)
{
	return even(input);
}
