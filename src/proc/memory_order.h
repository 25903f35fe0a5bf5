// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Processes in the order of their memory, by what the kernel tells of two (kcmp(2)).
 *
 * The order is the kernel's own, and says nothing but who has the same. Processes end and
 * execute other programs while they are sorted.
 */

#ifndef GRAFT_PROC_MEMORY_ORDER_H
#define GRAFT_PROC_MEMORY_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * Compare the memory of two.
 *
 * @return 0: the same. 1: the first is lower, 2: it is higher. Less than 0: they cannot be
 * compared, see errno(3).
 */
long
graft_memory_compare(pid_t one, pid_t two);

/** Sort a list. What changes meanwhile may leave it in no order. */
void
graft_memory_sort(pid_t *pids, size_t count);

/**
 * See that a list is in order. One that executes another program while the list is
 * sorted, or while it is looked through, has other memory afterwards; so it is
 * looked through twice, and who wants to be missed must do that twice, between the
 * same two calls.
 *
 * @return true: it is.
 */
bool
graft_memory_is_in_order(const pid_t *pids, size_t count);

/**
 * Leave out those that cannot be compared: they ended, or are not ours to see.
 *
 * @return How many are left, in front.
 */
size_t
graft_memory_leave_out(pid_t *pids, size_t count);

/** Count the places where a list is not in order. */
size_t
graft_memory_count_misplaced(const pid_t *pids, size_t count);

#endif /* GRAFT_PROC_MEMORY_ORDER_H */
