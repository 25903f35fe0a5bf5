// SPDX-License-Identifier: Apache-2.0

// One of two constants is chosen by a conditional move, and stored.

static const int tag
#ifdef NEW
	= 8;
#else
	= 7;
#endif
static const int other_tag = 7;
static const int *owner[16];

__attribute__((noinline)) static void
mark(long input)
{
	owner[input & 15] = input & 1 ? &tag : &other_tag;
}

long
probe(long input)
{
	mark(input);
	return owner[0] == &tag ? 100 + *owner[1] : *owner[input & 15];
}
