// SPDX-License-Identifier: Apache-2.0

// compiler: gcc
// opt: -Os
// cflags: -falign-functions=1 -fcf-protection=none
// The function is shorter than a jump, and the next one begins right behind.

__attribute__((noipa)) long
zero(long value)
{
#ifdef NEW
	return value;
#else
	return 0;
#endif
}

__attribute__((noipa)) long
other(long value)
{
	return value * 17 + 3;
}

long
probe(long input)
{
	return zero(input) + other(input);
}
