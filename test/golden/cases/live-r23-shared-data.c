// SPDX-License-Identifier: Apache-2.0

// The library's data are shared memory in the process: what other processes that
// share them would see is not known.

#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static long area[2 * PAGE / sizeof(long)]
	__attribute__((aligned(PAGE))) = { 5 };

void
setup(void)
{
	static char copy[2 * PAGE];

	memcpy(copy, area, sizeof(copy));
	if (mmap(area, sizeof(area), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == area)
		memcpy(area, copy, sizeof(copy));
}

long
probe(long input)
{
#ifdef NEW
	return area[0] + input - 3;
#else
	return area[0] + input;
#endif
}
