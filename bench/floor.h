// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The floor of a pause: what nobody who looks at the stacks of all threads can
 * do without. Stop them, read the registers and up to 16 KiB of stack of each,
 * let them go. It attaches before, and checks, maps and writes nothing.
 */

#ifndef GRAFT_BENCH_FLOOR_H
#define GRAFT_BENCH_FLOOR_H

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

enum { FLOOR_THREADS_MAX = 4096, FLOOR_STACK_BYTES = 16 * 1024 };

/** The threads of a process. */
struct floor {
	pid_t tids[FLOOR_THREADS_MAX];
	size_t count;
};

static inline uint64_t
floor_now_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/** Attach to all threads; no new ones may come. @return false: errno. */
static inline bool
floor_attach(struct floor *floor, pid_t pid)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return false;
	floor->count = 0;
	const struct dirent *entry;
	while ((entry = readdir(dir)) && floor->count < FLOOR_THREADS_MAX) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (tid <= 0)
			continue;
		if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
			(void)closedir(dir);
			return false;
		}
		floor->tids[floor->count++] = tid;
	}
	(void)closedir(dir);
	return true;
}

/** Stop, read, let go. @return How long it took, or 0 if it failed. */
static inline uint64_t
floor_run(const struct floor *floor)
{
	static char stack[FLOOR_STACK_BYTES];
	struct user_regs_struct regs;
	uint64_t start = floor_now_ns();
	bool ok = true;
	for (size_t i = 0; i < floor->count; i++)
		ok &= ptrace(PTRACE_INTERRUPT, floor->tids[i], NULL, NULL) == 0;
	for (size_t i = 0; i < floor->count; i++)
		ok &= waitpid(floor->tids[i], NULL, __WALL) == floor->tids[i];
	for (size_t i = 0; i < floor->count; i++) {
		ok &= ptrace(PTRACE_GETREGS, floor->tids[i], NULL, &regs) == 0;
		struct iovec local = { .iov_base = stack,
				       .iov_len = sizeof(stack) };
		struct iovec remote = {
			.iov_base = (void *)(uintptr_t)regs.rsp,
			.iov_len = sizeof(stack),
		};
		ok &= process_vm_readv(floor->tids[i], &local, 1, &remote, 1,
				       0) > 0;
	}
	for (size_t i = 0; i < floor->count; i++)
		ok &= ptrace(PTRACE_DETACH, floor->tids[i], NULL, NULL) == 0;
	uint64_t end = floor_now_ns();
	return ok ? end - start : 0;
}

/** Order numbers for qsort(3). */
static inline int
floor_compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

#endif /* GRAFT_BENCH_FLOOR_H */
