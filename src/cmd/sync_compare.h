// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The comparing of `graft sync`, in a process that has no rights: whoever may run a
 * process chooses what the decoders of files are fed with.
 */

#ifndef GRAFT_CMD_SYNC_COMPARE_H
#define GRAFT_CMD_SYNC_COMPARE_H

#include "base/error.h"

struct graft_old_file;
struct graft_patch;
struct graft_sandbox_bounds;

/** Get the bounds of a comparison: ours, or the limits of this process where those are less. */
void
graft_sync_compare_bounds(struct graft_sandbox_bounds *ret);

/**
 * Compare an old file and what stands for it. Separate debug files are looked for by
 * build-id.
 *
 * @param[out] exceeded_ret The bound that it exceeded and would exceed again, if one; the
 * others are 0.
 * @param[out] ret New hotpatch, of one module as it should be; free with
 * graft_patch_free(). It was decoded as any foreign one, and whether it is of these files
 * is to be asked.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE and #GRAFT_ERROR_NOT_FOUND if the files cannot be had
 * any more; why they cannot be compared; as graft_sandbox_run().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sync_compare(const struct graft_old_file *file,
		   struct graft_sandbox_bounds *exceeded_ret,
		   struct graft_patch **ret);

#endif /* GRAFT_CMD_SYNC_COMPARE_H */
