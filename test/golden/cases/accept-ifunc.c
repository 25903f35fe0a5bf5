// SPDX-License-Identifier: Apache-2.0

// compiler: gcc
// The changed function calls one that a resolver chooses.

static long
plain(long value)
{
	return value + 40;
}

static long (*choose(void))(long)
{
	return plain;
}

long
chosen(long value) __attribute__((ifunc("choose")));

__attribute__((noinline)) static long
work(long value)
{
#ifdef NEW
	return chosen(value) * 3 + chosen(1);
#else
	return chosen(value);
#endif
}

long
probe(long input)
{
	return work(input);
}
