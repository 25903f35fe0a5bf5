// SPDX-License-Identifier: Apache-2.0

// compiler: clang
// ldflags: -fuse-ld=lld
// lld puts the slots of the PLT behind the data: where the data end, which the
// startup code names, the slots begin; one more moves them.

#include <stdlib.h>

static long kept = 7;

__attribute__((noinline)) static long
work(long input)
{
#ifdef NEW
	return kept + input * 2 + labs(input) + atoi("19");
#else
	return kept + input * 2;
#endif
}

long
probe(long input)
{
	return work(input);
}
