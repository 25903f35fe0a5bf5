// SPDX-License-Identifier: Apache-2.0

// A function that ends what a member points to and makes another is copied into its
// caller, which reaches the member by an array and an index; its other caller still
// calls it. Nothing is made or ended more often than before.
//
// OTHERS: the one that is called in its stead makes no object: what OLD put there is
// a text of the program.
// opt: -O1 -O2 -O3 -Os

#include <stdlib.h>
#include <string.h>

struct cell {
	long value;
	char *text;
};

static struct cell cells[8];

static inline __attribute__((always_inline)) void
put(struct cell *cell, long value)
{
	free(cell->text);
	cell->value = value;
	cell->text = strdup(value & 1 ? "odd" : "evenly");
}

__attribute__((noinline, noclone)) static void
store(struct cell *cell, long value)
{
#ifdef OTHERS
	cell->value = value;
	cell->text = value & 1 ? "odd" : "evenly";
#else
	put(cell, value);
#endif
}

__attribute__((noinline)) long
set(unsigned at, long value)
{
#ifdef NEW
	put(&cells[at & 7], value);
	value++;
#else
	store(&cells[at & 7], value);
#endif
	return value + cells[at & 7].value;
}

__attribute__((noinline)) long
fill(struct cell *cell)
{
	store(cell, 4);
	return (long)strlen(cell->text);
}

long
probe(long input)
{
	return set((unsigned)input, input) + fill(&cells[3]);
}
