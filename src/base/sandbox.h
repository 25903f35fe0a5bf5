// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Work on what others made, in a process of its own that has no rights.
 *
 * The process is forked, so all that its work needs lies in memory. It has no files but one
 * socket to us, is "nobody" if we are root, can make no other process, has bounds of memory
 * and time, and a filter that kills it for any system call but those that such work makes.
 * What it says is bounded bytes, or an error; they are to be read as anything that
 * comes from outside.
 */

#ifndef GRAFT_BASE_SANDBOX_H
#define GRAFT_BASE_SANDBOX_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/** The process's side of it. */
struct graft_sandbox;

/**
 * Do the work. Runs in the process; what it prints is lost.
 *
 * @param[out] bytes_ret New buffer, its result.
 * @return NULL, or why there is no result: #GRAFT_ERROR_BAD_INPUT,
 * #GRAFT_ERROR_UNSUPPORTED, #GRAFT_ERROR_LIMIT or #GRAFT_ERROR_NO_MEMORY; any other
 * comes out as the first.
 */
typedef struct graft_error *
graft_sandbox_fn(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret,
		 size_t *len_ret);

/**
 * Open a file for the process. Runs here.
 *
 * @param[in] name What it asks for. Untrusted.
 * @param[out] fd_ret Gets the file, to read; the caller closes it.
 * @return NULL, or why not: the process is told that there is none.
 */
typedef struct graft_error *
graft_sandbox_open_fn(void *arg, const char *name, int *fd_ret);

/** Bounds that work may exceed. 0: no such one. */
struct graft_sandbox_bounds {
	/** Seconds of processor time. */
	uint64_t cpu_s;
	/** Bytes of memory. */
	uint64_t memory;
};

/** What is to be done, and within which bounds. */
struct graft_sandbox_work {
	/** What the errors call it: "comparing". */
	const char *name;
	graft_sandbox_fn *fn;
	/** NULL: it gets no files. */
	graft_sandbox_open_fn *open;
	/** Of both. */
	void *arg;
	/** Processor time; time by the clock. */
	uint32_t cpu_s;
	uint32_t wall_s;
	/** Bytes of memory beside what we have now; bytes of a result. */
	uint64_t memory;
	uint64_t result_max;
};

/**
 * Compute the bounds that work has: its own, or the limits of this process where those are
 * less.
 *
 * @param[out] ret Both; none is 0.
 */
void
graft_sandbox_bounds_of(const struct graft_sandbox_work *work,
			struct graft_sandbox_bounds *ret);

/**
 * Have work done.
 *
 * This process has one thread, and waits.
 *
 * @param[out] exceeded_ret The bound that it exceeded, of those that it would exceed again;
 * time by the clock is none. On success and other errors both are 0. May be NULL.
 * @param[out] bytes_ret New buffer that the caller frees. Untrusted.
 * @return NULL; what the work returned; #GRAFT_ERROR_LIMIT if it took too much time or memory;
 * #GRAFT_ERROR_BAD_INPUT if it was killed; #GRAFT_ERROR_OS if there can be no such process.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sandbox_run(const struct graft_sandbox_work *work,
		  struct graft_sandbox_bounds *exceeded_ret,
		  uint8_t **bytes_ret, size_t *len_ret);

/**
 * Ask for a file, in the process.
 *
 * @param[in] name Handed to graft_sandbox_work::open.
 * @param[out] fd_ret A file that can be read, and closed.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sandbox_open(struct graft_sandbox *box, const char *name, int *fd_ret);

#endif /* GRAFT_BASE_SANDBOX_H */
