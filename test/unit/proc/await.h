// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Waiting for a state that the kernel tells, instead of for some time: on a busy
 * machine a thread may take seconds from one instruction to the next.
 */

#ifndef GRAFT_TEST_PROC_AWAIT_H
#define GRAFT_TEST_PROC_AWAIT_H

#include "base/error.h"
#include "proc/status.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	/** Longest wait for anything that must come. */
	AWAIT_MS = 60 * 1000,
	/** Longest time for a stop that must succeed. */
	AWAIT_STOP_US = 20 * 1000 * 1000,
};

/** Wait for a counter to reach a value. @return whether it did. */
static inline bool
reaches(atomic_int *value, int wanted)
{
	for (int i = 0; i < AWAIT_MS && atomic_load(value) < wanted; i++)
		(void)usleep(1000);
	return atomic_load(value) >= wanted;
}

/** Is a thread in a state of proc(5)? No thread is in any. */
static inline bool
is_in_state(pid_t tid, char state)
{
	struct graft_proc_status status = { 0 };
	struct graft_error *err = graft_proc_status_read(tid, &status);
	bool is = !err && status.state == state;
	graft_error_free(err);
	return is;
}

/** Wait until a thread is in a state of proc(5). @return whether it came. */
static inline bool
gets_into_state(pid_t tid, char state)
{
	for (int i = 0; i < AWAIT_MS && !is_in_state(tid, state); i++)
		(void)usleep(1000);
	return is_in_state(tid, state);
}

/** Wait until so many threads of a process are in a state. @return whether. */
static inline bool
threads_get_into_state(pid_t pid, char state, size_t wanted)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	for (int i = 0; i < AWAIT_MS; i++) {
		size_t found = 0;
		DIR *dir = opendir(path);
		if (!dir)
			return false;
		for (struct dirent *entry; (entry = readdir(dir));)
			found += atoi(entry->d_name) > 0 &&
				 is_in_state(atoi(entry->d_name), state);
		(void)closedir(dir);
		if (found >= wanted)
			return true;
		(void)usleep(1000);
	}
	return false;
}

#endif /* GRAFT_TEST_PROC_AWAIT_H */
