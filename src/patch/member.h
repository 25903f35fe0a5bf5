// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A module's ELF file as a member of the archive: plain, or one zstd frame
 * where that is shorter. Inside patch/ only.
 */

#ifndef GRAFT_PATCH_MEMBER_H
#define GRAFT_PATCH_MEMBER_H

#include "base/error.h"
#include "patch/patch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a compressed member is called, behind the name in the manifest. */
#define GRAFT_MEMBER_SUFFIX ".zst"

/** The bytes that are stored. */
struct graft_member {
	/** Owned. */
	uint8_t *bytes;
	size_t len;
	/** A zstd frame. */
	bool zstd;
};

/**
 * Choose how an ELF file is stored.
 *
 * A module that came from a file keeps the frame that it had there, as long as
 * that still holds the same.
 *
 * @param[in] m The module.
 * @param[in] elf Its ELF file, of @p len bytes; ownership passes in.
 * @param[out] ret Bytes that the caller frees.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_member_pack(const struct graft_patch_module *m, uint8_t *elf, size_t len,
		  struct graft_member *ret);

/**
 * Get the ELF file out of a zstd frame.
 *
 * @param[in] bytes Untrusted, of @p len bytes: one frame and nothing else.
 * @param[in] size What it must decompress to. No more memory is taken, and none
 * if the frame says another size, or is #GRAFT_PATCH_RATIO_MAX times smaller.
 * @param[out] ret New buffer of @p size bytes that the caller frees.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_member_unpack(const uint8_t *bytes, size_t len, size_t size,
		    uint8_t **ret);

#endif /* GRAFT_PATCH_MEMBER_H */
