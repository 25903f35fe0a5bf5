// SPDX-License-Identifier: Apache-2.0

#include "chain.h"

#include <stddef.h>
#include <unistd.h>

static int __attribute__((noinline)) build_of(int zero)
{
	return zero + BUILD;
}

int
chain_shared(int zero)
{
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

#if defined(RENAMED) && BUILD == 3
#define COUNT calls
#else
#define COUNT count
#endif

long
chain_count(void)
{
#if defined(COUNTS) && BUILD > 1
#ifdef TABLE
	static volatile long COUNT[8];
	static volatile int at;
	at = (at + 1) & 7;
	COUNT[at]++;
	long sum = 0;
	for (int i = 0; i < 8; i++)
		sum += COUNT[i];
	return sum * 1001;
#else
	static long COUNT;
	static long again = 7;
#if defined(MORE) && BUILD == 3
	static long more;
	more += 1000000;
	COUNT += more;
#endif
	COUNT++;
	again++;
	return COUNT * 1000 + again - 7;
#endif
#else
	return -1;
#endif
}

static int
first(int zero)
{
	return zero + 1;
}

#if BUILD > 1
static int
added(int zero)
{
	return BUILD + zero * 3;
}
#endif

int (*chain_pick(int zero))(int)
{
#if BUILD > 1
	return zero ? first : added;
#else
	return zero > 1 ? NULL : first;
#endif
}
