// SPDX-License-Identifier: Apache-2.0

// opt: -O0 -O2
// A helper says how much to allocate for what it is told; what it is told changed.

#include <stdlib.h>
#include <string.h>

#ifdef NEW
#define NOTE_LEN 72
#else
#define NOTE_LEN 48
#endif

static char *kept;

__attribute__((noinline, noclone, noipa)) static size_t
note_bytes(size_t len)
{
	return len + len / 16;
}

long
probe(long input)
{
	if (!kept)
		kept = malloc(note_bytes(NOTE_LEN) + 8);
	if (!kept)
		return -1;
	memset(kept, (int)input, NOTE_LEN);
	return kept[input % NOTE_LEN];
}
