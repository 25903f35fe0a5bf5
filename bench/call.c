// SPDX-License-Identifier: Apache-2.0

// What a call of a function costs whose first instruction jumps to another one,
// against the same call before. `call ROUNDS` prints JSON. One function is
// measured in both states in turns.

#include "floor.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CALLS = 500 * 1000, ROUNDS_MAX = 1000, JUMP_BYTES = 5 };

typedef uint64_t (*work_fn)(uint64_t);

__attribute__((noinline, noclone, aligned(64))) static uint64_t
work_old(uint64_t value)
{
	return value * 3 + 1;
}

__attribute__((noinline, noclone, aligned(64))) static uint64_t
work_new(uint64_t value)
{
	return value * 3 + 1;
}

static double
ns_per_call(work_fn volatile *fn)
{
	uint64_t value = 0;
	uint64_t start = floor_now_ns();
	for (int i = 0; i < CALLS; i++)
		value = (*fn)(value);
	uint64_t end = floor_now_ns();
	__asm__ volatile("" ::"r"(value));
	return (double)(end - start) / CALLS;
}

static void
write_code(const void *bytes)
{
	void *at = (void *)(uintptr_t)work_old;
	uintptr_t page = (uintptr_t)at & -(uintptr_t)sysconf(_SC_PAGESIZE);
	size_t len = (uintptr_t)at + JUMP_BYTES - page;
	if (mprotect((void *)page, len, PROT_READ | PROT_WRITE | PROT_EXEC) !=
	    0) {
		perror("call: mprotect");
		exit(1);
	}
	memcpy(at, bytes, JUMP_BYTES);
	(void)mprotect((void *)page, len, PROT_READ | PROT_EXEC);
}

static int
compare(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;
	return (a > b) - (a < b);
}

static void
print(const char *name, double *ns, size_t count)
{
	qsort(ns, count, sizeof(*ns), compare);
	printf("\"%s\":{\"best\":%.3f,\"median\":%.3f}", name, ns[0],
	       ns[count / 2]);
}

int
main(int argc, char **argv)
{
	static double before[ROUNDS_MAX];
	static double after[ROUNDS_MAX];
	int rounds = argc == 2 ? atoi(argv[1]) : 0;
	if (rounds < 1 || rounds > ROUNDS_MAX) {
		(void)fprintf(stderr, "usage: call ROUNDS\n");
		return 2;
	}
	work_fn volatile fn = work_old;
	unsigned char old[JUMP_BYTES];
	memcpy(old, (void *)(uintptr_t)work_old, sizeof(old));
	unsigned char jump[JUMP_BYTES] = { 0xe9 };
	int32_t distance = (int32_t)((uintptr_t)work_new - (uintptr_t)work_old -
				     JUMP_BYTES);
	memcpy(jump + 1, &distance, sizeof(distance));
	// The first round warms up.
	for (int i = -1; i < rounds; i++) {
		double first = ns_per_call(&fn);
		write_code(jump);
		double second = ns_per_call(&fn);
		write_code(old);
		if (i >= 0) {
			before[i] = first;
			after[i] = second;
		}
	}
	printf("{\"calls\":%d,\"rounds\":%d,", CALLS, rounds);
	print("unpatched_ns", before, (size_t)rounds);
	printf(",");
	print("patched_ns", after, (size_t)rounds);
	printf("}\n");
	return 0;
}
