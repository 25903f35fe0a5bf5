// SPDX-License-Identifier: Apache-2.0

// What chooses an indirect function changed: the loader asked it already.
// debug: g sym

__attribute__((noinline)) static long
add(long input)
{
	return input + 1;
}

__attribute__((noinline)) static long
twice(long input)
{
	return input * 2;
}

static void *
choose(void)
{
#ifdef NEW
	return (void *)twice;
#else
	return (void *)add;
#endif
}

long
chosen(long input) __attribute__((ifunc("choose")));

long
probe(long input)
{
	return chosen(input) + (input > 10 ? add(input) : twice(input));
}
