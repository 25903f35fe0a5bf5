// SPDX-License-Identifier: Apache-2.0

// kind: exec
// debug: g sym
// ldflags: -Wl,-Ttext-segment=0x400000
// Code that stays has masks and round numbers that would be addresses, and data have text
// that would: they are what they are.

static long rows[0x2000];
static volatile struct {
	char name[8];
	long *place;
} entry = { " @@", rows };

__attribute__((noinline)) static long
flags(long input)
{
	long round = input == 0x408000;

	return (int)(input & 0x404011) + round + entry.name[1];
}

long
probe(long input)
{
	rows[0] = input;
#ifdef NEW
	return flags(input) + *entry.place + 3;
#else
	return flags(input) + *entry.place + 2;
#endif
}
