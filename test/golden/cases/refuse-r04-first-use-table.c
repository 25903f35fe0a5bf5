// SPDX-License-Identifier: Apache-2.0

// A table that is filled at its first use is filled further, and read there.

// debug: g sym

static unsigned char class[256];
static int ready;

#ifdef NEW
enum { END = 256 };
#else
enum { END = 128 };
#endif

__attribute__((noinline)) static void
fill(void)
{
	if (ready)
		return;
	for (int i = 0; i < END; i++)
		class[i] = i >= 'a' && i <= 'z' ? 1 : i < 33 ? 2 : 4;
	ready = 1;
}

long
probe(long input)
{
	fill();
#ifndef NEW
	if ((unsigned char)input >= 128)
		return 3;
#endif
	return class[(unsigned char)input];
}
