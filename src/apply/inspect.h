// SPDX-License-Identifier: Apache-2.0

/** @file What hotpatches a process holds, as it tells itself. */

#ifndef GRAFT_APPLY_INSPECT_H
#define GRAFT_APPLY_INSPECT_H

#include "base/cleanup.h"
#include "base/error.h"
#include "plan/find.h"
#include "proc/pointers.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** A thread that is still in old code of a function that was replaced. */
struct graft_inspected_thread {
	pid_t tid;
	char comm[16];
	/** Borrowed from the header. */
	const char *function;
	/** An unwind met the frame; otherwise it may be. */
	bool certain;
};

/** A hotpatch in one module of a process. */
struct graft_inspected {
	/** Borrowed from the inspection. */
	const struct graft_header *header;
	enum graft_live live;
	/** "applied", "replaced" (by one that is applied, and would come back),
	 * "reverted", "incomplete", "unloaded" or "damaged" (somebody else wrote to
	 * an entry). Static. */
	const char *state;
	/** Which one it took the place of, or NULL. Borrowed likewise. */
	const struct graft_header *before;
	struct graft_inspected_thread *threads;
	size_t thread_count;
	/** Of one that is no longer in: why its memory is kept, as the end of a
	 * sentence; NULL: it is in, or this was not looked for. Static. */
	const char *kept;
	/** Of the same: pointers that still lead into its code. */
	struct graft_pointers pointers;
	/** It was looked for them. */
	bool pointers_known;
};

/** Everything that was found in a process. */
struct graft_inspection {
	pid_t pid;
	char comm[16];
	struct graft_headers *headers;
	struct graft_inspected *items;
	size_t count;
};

/** How closely to look into a process. */
enum graft_inspect_depth {
	/** What is in it, and in which state. */
	GRAFT_INSPECT_STATES,
	/** And which pointers lead to code that was taken out. */
	GRAFT_INSPECT_POINTERS,
	/**
	 * And which threads are in old code. The process is stopped once, for as
	 * long as a look at its stacks takes, if a hotpatch is applied in it.
	 */
	GRAFT_INSPECT_THREADS,
};

/**
 * Look into a process.
 *
 * @param[in] depth How closely. If something cannot be seen (another program traces
 * it), its list is empty.
 * @param[out] ret New inspection, with no items if there is no hotpatch; free
 * with graft_inspection_free().
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NOT_PERMITTED;
 * #GRAFT_ERROR_UNSUPPORTED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_inspect(pid_t pid, enum graft_inspect_depth depth,
	      struct graft_inspection **ret);

/**
 * Look into a process that graft_proc_list() gave, as graft_inspect(). One that has no
 * memory for a header page is not even opened.
 *
 * @param[out] ret NULL if it holds no hotpatch for that reason.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_inspect_listed(pid_t pid, enum graft_inspect_depth depth,
		     struct graft_inspection **ret);

/** Free an inspection. NULL is a no-op. */
void
graft_inspection_free(struct graft_inspection *inspection);
GRAFT_DEFINE_CLEANUP(struct graft_inspection, graft_inspection_free)

#endif /* GRAFT_APPLY_INSPECT_H */
