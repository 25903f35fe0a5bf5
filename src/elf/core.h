// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A core dump of x86-64: memory by address, and where each thread was.
 *
 * Nothing of it is kept in memory but its tables; what is asked for is read from
 * the file. A dump that was cut off (a full disk, a limit) is read as far as it
 * goes.
 */

#ifndef GRAFT_ELF_CORE_H
#define GRAFT_ELF_CORE_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Memory that the dump holds. */
struct graft_core_segment {
	uint64_t addr;
	/** Bytes that are in the file; the rest of the mapping is not. */
	uint64_t len;
	/** Where they are in the file. */
	uint64_t off;
	/** PF_R, PF_W, PF_X. */
	uint32_t flags;
};

/** A thread. */
struct graft_core_thread {
	pid_t tid;
	uint64_t pc;
};

/** A core dump. Plain data: look, do not write. */
struct graft_core {
	int fd;
	/** As the dump says; 0 and "" if it does not. */
	pid_t pid;
	char comm[17];
	/** By ascending address; they do not overlap. */
	struct graft_core_segment *segments;
	size_t segment_count;
	/** In the order of the dump: the one that died first. */
	struct graft_core_thread *threads;
	size_t thread_count;
};

/**
 * Open a core dump.
 *
 * @param[in] path The file.
 * @param[out] ret New dump; free with graft_core_close().
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_UNSUPPORTED if it is no core
 * dump of x86-64; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_core_open(const char *path, struct graft_core **ret);

/** The same for an open file. @param[in] fd Taken; on error too. */
GRAFT_MUST_CHECK struct graft_error *
graft_core_open_fd(int fd, struct graft_core **ret);

/** Free a dump. NULL is a no-op. */
void
graft_core_close(struct graft_core *core);
GRAFT_DEFINE_CLEANUP(struct graft_core, graft_core_close)

/**
 * Read memory of the process.
 *
 * @param[out] ret false: not all of it is in the dump; then @p buf is anything.
 * @return NULL; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_core_read(const struct graft_core *core, uint64_t addr, void *buf,
		size_t len, bool *ret);

#endif /* GRAFT_ELF_CORE_H */
