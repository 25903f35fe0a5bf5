// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What `graft diff` says of a file that runs and the one that lies on disk, once for
 * each two contents: verdicts are kept in the state directory, under the SHA-256 of both
 * whole files and of the program that decided (docs/decisions/sync.md).
 */

#ifndef GRAFT_CMD_SYNC_VERDICT_H
#define GRAFT_CMD_SYNC_VERDICT_H

#include "base/error.h"
#include "host/old_code.h"
#include "patch/patch.h"

/** Where verdicts are kept. All zeroes but for @ref dir: nothing was asked yet. */
struct graft_verdict_cache {
	/** "STATE/verdicts". Borrowed. */
	const char *dir;
	/** Of the running program, once @ref has_program. */
	uint8_t program[GRAFT_SHA256_LEN];
	bool has_program;
	/** Others than we could have written verdicts: none is read or kept. */
	bool is_others;
	/** Pairs that were compared, and that were known. */
	size_t compared;
	size_t known;
};

/**
 * Get the verdict of a file.
 *
 * @param[in,out] cache What is not known is compared, and kept if the state directory
 * can be written to.
 * @param[in] file With a graft_old_file::new_path and no graft_old_file::why.
 * @param[out] ret A hotpatch of one module, whatever its verdict is, called after the
 * path. Free with graft_patch_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if a file holds something else by now; what
 * graft_image_open() returns of a file that cannot be compared.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_verdict_get(struct graft_verdict_cache *cache,
		  const struct graft_old_file *file, struct graft_patch **ret);

#endif /* GRAFT_CMD_SYNC_VERDICT_H */
