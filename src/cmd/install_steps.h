// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What `install`, `rollback` and `recover` have in common: processes are switched or
 * switched back, and what an earlier run left open is ended first.
 */

#ifndef GRAFT_CMD_INSTALL_STEPS_H
#define GRAFT_CMD_INSTALL_STEPS_H

#include "base/error.h"
#include "cmd/options.h"
#include "cmd/outcome.h"
#include "persist/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct graft_patch;

/**
 * Switch processes to a hotpatch's new build, all of them that run its old one or those
 * that are named.
 *
 * @param[in] patch Its code is completed on the way.
 * @param[in] options Who, and how long to wait; --dry-run: only the plan.
 * @param[in,out] outcomes What became of each is added.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_install_switch(struct graft_patch *patch,
		     const struct graft_options *options,
		     struct graft_outcomes *outcomes);

/** Take a hotpatch out of processes again, as graft_install_switch() puts it in. */
GRAFT_MUST_CHECK struct graft_error *
graft_install_revert(const char *id, const struct graft_options *options,
		     struct graft_outcomes *outcomes);

/**
 * Keep a hotpatch where other verbs look for those that are in processes, or remove it
 * from there.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_install_keep(struct graft_patch *patch, const char *id, bool keep);

/** What was ended of earlier runs. */
struct graft_install_resumed {
	size_t installed;
	size_t removed;
	/** Of which only processes were left to be seen to. */
	size_t switched;
};

/**
 * End what earlier runs left open: on the way to the new files, to those; on the way back,
 * to the old ones.
 *
 * @param[in] wait_us For dpkg's lock and for threads, each.
 * @param[in,out] outcomes What became of processes is added.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_install_resume(struct graft_store *store, uint64_t wait_us,
		     struct graft_install_resumed *resumed,
		     struct graft_outcomes *outcomes);

/** Say for people what was ended, if anything was. */
void
graft_install_say_resumed(const char *verb,
			  const struct graft_install_resumed *resumed);

#endif /* GRAFT_CMD_INSTALL_STEPS_H */
