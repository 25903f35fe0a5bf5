// SPDX-License-Identifier: Apache-2.0

// Who is given the end of the struct goes back from there: another variable may begin at
// that address.
// debug: g
// opt: -O0 -O2

#include "../frame-struct.h"

__attribute__((noinline, noclone)) static void
save(const long *end)
{
	store[0] = end[-3];
	store[1] = end[-2];
}
__attribute__((noinline, noclone)) static void
load(long *end)
{
	end[-3] = store[0];
	end[-2] = store[1];
}
__attribute__((noinline, noclone)) static void
use(char *b)
{
	__builtin_memset(b, 3, 64);
}
long
probe(long input)
{
	struct rec r;
	char behind[64];
	use(behind);
	fill(&r, 0);
	load((long *)(&r + 1));
	long was = sum(&r);
	fill(&r, input);
	save((long *)(&r + 1));
	return was + behind[3];
}
