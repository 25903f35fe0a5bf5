// SPDX-License-Identifier: Apache-2.0

// A helper of OLD is gone in NEW.

#ifndef NEW
__attribute__((noinline)) static long
legacy(long value)
{
	return value * 9 + 4;
}
#endif

__attribute__((noinline)) static long
convert(long value)
{
#ifdef NEW
	return value * 8 + 4;
#else
	return legacy(value) + 1;
#endif
}

long
probe(long input)
{
	return convert(input) + input;
}
