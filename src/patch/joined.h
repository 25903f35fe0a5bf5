// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The parts for the disk of a hotpatch, packed together as one zstd frame: first all
 * indexes, then what each of them brings. Packages of one source have much in common.
 */

#ifndef GRAFT_PATCH_JOINED_H
#define GRAFT_PATCH_JOINED_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct graft_manifest_disks;
struct graft_patch;

/** The member of the archive. */
#define GRAFT_JOINED_MEMBER "disk/all.zst"

/**
 * Pack the parts of a hotpatch, unless they are packed as they were read.
 *
 * @param[in,out] patch Its parts are sealed; gets graft_patch::joined.
 * @return NULL; #GRAFT_ERROR_LIMIT if they are too large together.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_joined_pack(struct graft_patch *patch);

/**
 * Read the parts.
 *
 * @param[in] bytes Untrusted: the frame, of @p len bytes.
 * @param[in] disks What the manifest says of them.
 * @param[in,out] patch Has none; gets them, and the frame.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_joined_unpack(const uint8_t *bytes, size_t len,
		    const struct graft_manifest_disks *disks,
		    struct graft_patch *patch);

/** Forget the frame: its parts have changed. */
void
graft_joined_forget(struct graft_patch *patch);

#endif /* GRAFT_PATCH_JOINED_H */
