// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The processes of a host from a number on.
 *
 * The kernel lists `/proc` by number, and the place in the list tells the number: so the
 * list can be read from the middle. Nobody promised that, so it is tried with our own
 * number first, and where it is not so nothing is listed.
 */

#ifndef GRAFT_PROC_LIST_FROM_H
#define GRAFT_PROC_LIST_FROM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** A list that is open. All zero: not yet. */
struct graft_list_from {
	/** Open as this descriptor, and places are numbers for this process; else 0. */
	pid_t tried;
	int fd;
	/** It was tried, and is not so. */
	bool useless;
};

/** Close it. All zero is a no-op. */
void
graft_list_from_deinit(struct graft_list_from *list);

/**
 * List the processes whose number is one or higher, those that other users' are hidden
 * from us left out. Threads are not listed, first threads that ended before others are.
 *
 * @param[in,out] list All zero at first. A child opens its own.
 * @param[in] first First number; 1 or higher.
 * @param[out] pids Numbers, ascending; room for @p room of them. Undefined on failure.
 * @param[out] count_ret How many there are.
 * @return false: it cannot be told, or there are more.
 */
bool
graft_list_from(struct graft_list_from *list, pid_t first, pid_t *pids,
		size_t room, size_t *count_ret);

#endif /* GRAFT_PROC_LIST_FROM_H */
