// SPDX-License-Identifier: Apache-2.0

// A helper says how large an object is; another function returns that with its head,
// and a third one keeps it over a call and a branch before it allocates.

#include <stdlib.h>

#ifdef NEW
#define LONGS 4
#else
#define LONGS 2
#endif

__attribute__((noinline, noclone)) static size_t
size_of(void)
{
	__asm__ volatile("" ::: "memory");
	return LONGS * sizeof(long) * 4;
}

__attribute__((noinline, noclone)) static size_t
size_with_head(void)
{
	return size_of() + sizeof(long);
}

static long *kept;
static volatile long asked;

__attribute__((noinline, noclone)) static void
ask(void)
{
	asked++;
}

__attribute__((noinline, noclone)) static long *
make(size_t count)
{
	size_t each = size_with_head();

	ask();
	if (count == 0)
		return NULL;
	return malloc(each * count);
}

long
probe(long input)
{
	if (!kept)
		kept = make(2);
	kept[0] = input;
	return kept[0];
}
