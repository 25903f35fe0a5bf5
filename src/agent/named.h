// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The files that hotpatches name, looked for in the roots of processes: who will load one
 * that nobody has mapped yet. Where a path leads decides nothing; what the file holds does.
 */

#ifndef GRAFT_AGENT_NAMED_H
#define GRAFT_AGENT_NAMED_H

#include "agent/kept.h"
#include "base/error.h"
#include "proc/root.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	/** Roots that are remembered; of more it begins anew. */
	GRAFT_NAMED_ROOTS = 256,
	/** Files that are looked for in one root. */
	GRAFT_NAMED_FILES = 64,
};

/** The roots that were looked into. Zeroed: none. */
struct graft_named {
	struct graft_root roots[GRAFT_NAMED_ROOTS];
	size_t count;
};

/** Told of a file that a hotpatch names. @param[in] fd Lent for the call, read-only. */
typedef struct graft_error *
graft_named_fn(void *arg, int fd);

/** Note that a root is looked into. @return false: it was. */
bool
graft_named_add(struct graft_named *named, const struct graft_root *root);

/**
 * Open the files that hotpatches name, by their path or by the name under which they are
 * needed, as a process sees them.
 *
 * @param[in] tid A living thread in that root.
 * @return NULL; what @p fn returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_named_each(const struct graft_kept *kept, pid_t tid, graft_named_fn *fn,
		 void *arg);

#endif /* GRAFT_AGENT_NAMED_H */
