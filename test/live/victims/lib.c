// SPDX-License-Identifier: Apache-2.0

#include "victim.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long calls;
static const char marks[] = "0123456789abcdef";

int
victim_answer(int x)
{
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
#ifdef NEW
	int twice = x + x;
	return twice + x + 2;
#else
	return x * 2 + 1;
#endif
}

long
victim_calls(void)
{
	return __atomic_load_n(&calls, __ATOMIC_RELAXED);
}

int
victim_climb(int depth, int ms)
{
	volatile int mark = marks[depth & 15];
	if (depth == 0) {
		(void)usleep((unsigned)ms * 1000);
		return mark - '0';
	}
#ifdef NEW
	return victim_climb(depth - 1, ms) + 2 + (mark - mark);
#else
	return victim_climb(depth - 1, ms) + 1;
#endif
}

int
victim_block(int fd)
{
	unsigned char byte = 0;
	ssize_t got = read(fd, &byte, 1);
#ifdef NEW
	return got == 1 ? byte + 1000 : -2;
#else
	return got == 1 ? byte : -1;
#endif
}

long
victim_parse(const char *text)
{
#ifdef NEW
	return strtol(text, NULL, 10);
#else
	return (long)strlen(text);
#endif
}

static long inside;

static void
leave(long *was)
{
	__atomic_store_n(&inside, *was, __ATOMIC_RELAXED);
}

// With -fexceptions: the unwinder must know of it.
int
victim_call(int (*fn)(void))
{
	__attribute__((cleanup(leave))) long was =
		__atomic_fetch_add(&inside, 1, __ATOMIC_RELAXED);
	int got = fn();
#ifdef NEW
	return got * 2 + 1;
#else
	return got + 1;
#endif
}
