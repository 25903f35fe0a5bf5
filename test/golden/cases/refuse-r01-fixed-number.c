// SPDX-License-Identifier: Apache-2.0

// kind: exec
// opt: -O2 -O0
// debug: g sym
// ldflags: -Wl,-Ttext-segment=0x400000
// The new constant holds a number that is an address of the program, or would be one:
// no relocation says so, though others of the section are kept.

static long
twice(long x)
{
	return x * 2;
}

static long (*const ways[2])(long) = { twice, twice };

#ifdef NEW
static const unsigned long numbers[2] = { 0x401010, 0x401020 };
#endif

long
probe(long input)
{
	long (*const *way)(long) = ways;

	__asm__("" : "+r"(way));
#ifdef NEW
	const unsigned long *number = numbers;
	__asm__("" : "+r"(number));
	return way[0](input) + (long)number[input & 1];
#else
	return way[0](input);
#endif
}
