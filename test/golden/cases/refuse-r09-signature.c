// SPDX-License-Identifier: Apache-2.0

// debug: g
// kind: so
// An exported function takes one argument more; its callers pass one less.

long
#ifdef NEW
convert(long value, long base)
{
	return value * base;
}
#else
convert(long value)
{
	return value * 3;
}
#endif

long
probe(long input)
{
#ifdef NEW
	return convert(input, 4);
#else
	return convert(input);
#endif
}
