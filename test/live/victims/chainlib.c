// SPDX-License-Identifier: Apache-2.0

#include "chain.h"

#include <unistd.h>

#if defined(COUNTS) && BUILD > 1
static long hits;
#endif

static int __attribute__((noinline)) build_of(int zero)
{
	return zero + BUILD;
}

int
chain_shared(int zero)
{
#if defined(COUNTS) && BUILD > 1
	__atomic_add_fetch(&hits, 1, __ATOMIC_RELAXED);
#endif
	return build_of(zero) + (BUILD - zero) * 100;
}

int
chain_second(int zero)
{
#if BUILD == 2
	return 2 - zero * 3;
#else
	return zero * 5 + 1;
#endif
}

int
chain_third(int zero)
{
#if BUILD == 3
	return 3 - zero * 3;
#else
	return zero * 7 + 1;
#endif
}

int
chain_block(int fd)
{
	unsigned char byte = 0;
	ssize_t got = read(fd, &byte, 1);

	return got == 1 ? byte + 1000 * (BUILD - 1) : -1;
}

long
chain_hits(void)
{
#if defined(COUNTS) && BUILD > 1
	return __atomic_load_n(&hits, __ATOMIC_RELAXED);
#else
	return -1;
#endif
}
