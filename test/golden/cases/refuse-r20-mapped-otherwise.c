// SPDX-License-Identifier: Apache-2.0

// A mapping is written where it was only read: one that exists cannot be.
//
// SAME: it is mapped as before.

#define _GNU_SOURCE
#include <stddef.h>
#include <sys/mman.h>

#if defined(NEW) && !defined(SAME)
#define MAY (PROT_READ | PROT_WRITE)
#else
#define MAY PROT_READ
#endif

static char *bytes;

__attribute__((noinline)) static char *
begin(void)
{
	void *at = mmap(NULL, 4096, MAY, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

#ifdef NEW
	if (at == MAP_FAILED)
		return NULL;
#endif
	return at == MAP_FAILED ? NULL : at;
}

long
probe(long input)
{
	if (!bytes && !(bytes = begin()))
		return -1;
#ifdef NEW
	if (input == 5)
		return -2;
#ifndef SAME
	bytes[input & 15]++;
#endif
#endif
	return bytes[input & 15] + input;
}
