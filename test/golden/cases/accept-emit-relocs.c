// SPDX-License-Identifier: Apache-2.0

// ldflags: -Wl,--emit-relocs
// compiler: gcc
// debug: g sym
// The linker kept the static relocations.

static long hits;
static long misses;

long
probe(long input)
{
	hits++;
	misses += 2;
#ifdef NEW
	return misses * 100000 + hits * 100 + input;
#else
	return hits * 100000 + misses * 100 + input;
#endif
}
