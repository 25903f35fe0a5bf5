// SPDX-License-Identifier: Apache-2.0

#include "proc/memory_order.h"

#include <linux/kcmp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

long
graft_memory_compare(pid_t one, pid_t two)
{
	return syscall(SYS_kcmp, one, two, KCMP_VM, 0, 0);
}

/** By memory, in the kernel's order. Who ended meanwhile goes in front: by any other rule
 * those behind him in his part of the list would come too late. */
static int
by_memory(const void *a, const void *b)
{
	pid_t one = *(const pid_t *)a;
	pid_t two = *(const pid_t *)b;

	switch (graft_memory_compare(one, two)) {
	case 0:
		return 0;
	case 1:
		return -1;
	case 2:
		return 1;
	default:
		return graft_memory_compare(one, one) != 0 ? -1 : 1;
	}
}

void
graft_memory_sort(pid_t *pids, size_t count)
{
	qsort(pids, count, sizeof(*pids), by_memory);
}

bool
graft_memory_is_in_order(const pid_t *pids, size_t count)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 1; i < count; i++) {
			long got = graft_memory_compare(pids[i - 1], pids[i]);
			if (got != 0 && got != 1)
				return false;
		}
	}
	return true;
}

size_t
graft_memory_leave_out(pid_t *pids, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (graft_memory_compare(pids[i], pids[i]) == 0)
			pids[kept++] = pids[i];
	}
	return kept;
}

size_t
graft_memory_count_misplaced(const pid_t *pids, size_t count)
{
	size_t misplaced = 0;

	for (size_t i = 1; i < count; i++) {
		long got = graft_memory_compare(pids[i - 1], pids[i]);
		misplaced += got != 0 && got != 1;
	}
	return misplaced;
}
