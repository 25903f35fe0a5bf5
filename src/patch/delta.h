// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A module whose code is stored as a delta to the OLD file.
 *
 * Two members stand for its ELF file then: the *skeleton*, which is that file
 * with zeroes for the bytes of the runs, and one zstd frame that holds those
 * bytes and has the whole OLD file as its prefix. The manifest has the SHA-256
 * of both the complete file and the skeleton, and of neither frame.
 *
 * A module that was read in this form lacks its code (patch/patch.h) until
 * graft_delta_complete() is given OLD.
 */

#ifndef GRAFT_PATCH_DELTA_H
#define GRAFT_PATCH_DELTA_H

#include "base/error.h"
#include "patch/patch.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Store a module's code as a delta, if that makes the hotpatch smaller by more
 * than the header of another member.
 *
 * @param[in,out] m A complete `hotpatch`; gets its delta, or stays as it is.
 * @param[in] old The OLD file, of @p len bytes.
 * @return NULL, also if it stays as it is; #GRAFT_ERROR_BAD_INPUT if @p old is
 * another file; #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_delta_make(struct graft_patch_module *m, const uint8_t *old, size_t len);

/**
 * Fill in the code of a module that lacks it.
 *
 * What comes out is compared with the SHA-256 in the manifest, so a module
 * that was completed is what its maker had, whoever gave OLD.
 *
 * @param[in,out] m A module that lacks its code; on error it stays so. One that
 * does not is left alone.
 * @param[in] name What errors call OLD.
 * @param[in] old Untrusted, of @p len bytes.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if @p old is another file than OLD, or
 * the delta does not give the code; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_delta_complete(struct graft_patch_module *m, const char *name,
		     const uint8_t *old, size_t len);

/**
 * Check what can be checked of a delta without OLD: one zstd frame of as many
 * bytes as the runs have, not more than #GRAFT_PATCH_RATIO_MAX times smaller.
 *
 * @param[in] m Read from a skeleton.
 * @param[in] bytes Untrusted, of @p len bytes.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_delta_check(const struct graft_patch_module *m, const uint8_t *bytes,
		  size_t len);

/**
 * Make the skeleton of a module's ELF file: zero the bytes of its runs.
 *
 * @param[in,out] elf What graft_patch_module_encode() made.
 */
void
graft_delta_blank(uint8_t *elf);

/**
 * Make the hashes of a module that lacks its code fit a file and its delta. For
 * tests and fuzzers only, so that they get past them; what cannot be
 * decompressed is left as it is.
 *
 * @param[in,out] m Lacks its code.
 * @param[in] old Becomes its OLD file; of @p len bytes.
 */
void
graft_delta_seal(struct graft_patch_module *m, const uint8_t *old, size_t len);

#endif /* GRAFT_PATCH_DELTA_H */
