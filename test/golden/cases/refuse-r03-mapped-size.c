// SPDX-License-Identifier: Apache-2.0

// More is mapped than before: what OLD mapped is too small.

#include <stddef.h>
#include <sys/mman.h>

#ifdef NEW
#define ROOM 65536
#else
#define ROOM 4096
#endif

static char *room;
static size_t used;

long
probe(long input)
{
	if (!room) {
		room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (room == MAP_FAILED)
			return -1;
	}
	if (used == ROOM)
		return 0;
	room[used++] = (char)input;
	return room[used - 1];
}
