// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * `manifest.json`: what a hotpatch is, and the hash of everything else in it.
 *
 * It is written with fixed keys in a fixed order and without spaces; what is
 * read must be what would be written. Inside patch/ only.
 */

#ifndef GRAFT_PATCH_MANIFEST_H
#define GRAFT_PATCH_MANIFEST_H

#include "base/error.h"
#include "base/text.h"
#include "patch/patch.h"
#include "patch/tar.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/** What the manifest says of a module's ELF file. */
struct graft_manifest_elf {
	/** Decompressed. */
	uint64_t size;
	uint8_t sha256[GRAFT_PATCH_SHA256_SIZE];
	/** Its code is stored as a delta (patch/delta.h). */
	bool delta;
	/** SHA-256 of the file with zeroes for its code; only with a delta. */
	uint8_t skeleton_sha256[GRAFT_PATCH_SHA256_SIZE];
};

/** What the manifest says of the index of a part for the disk. */
struct graft_manifest_disk {
	/** Decompressed. */
	uint64_t size;
	uint8_t sha256[GRAFT_PATCH_SHA256_SIZE];
};

/** What it says of all of them. All zeroes: there are none. */
struct graft_manifest_disks {
	/** Owned. */
	struct graft_manifest_disk *items;
	size_t count;
	/** They are packed together (patch/joined.h). */
	bool joined;
};

/** Free what it owns. */
static inline void
graft_manifest_disks_deinit(struct graft_manifest_disks *disks)
{
	free(disks->items);
}

/**
 * Make the name of a module's member, without `.zst`.
 *
 * "modules/", the OLD build-id (SHA-256 if there is none, or it is longer than
 * 32 bytes), "-" and the index of the module if an earlier one took that name,
 * and ".elf".
 *
 * @param[in] i Index of a `hotpatch` module.
 */
void
graft_manifest_member(const struct graft_patch *patch, size_t i,
		      char ret[GRAFT_TAR_NAME_LEN]);

/**
 * Make the name of the member that holds a module's code as a delta: that of
 * graft_manifest_member() with ".delta" in the place of ".elf".
 *
 * @param[in] i Index of a `hotpatch` module.
 */
void
graft_manifest_delta_member(const struct graft_patch *patch, size_t i,
			    char ret[GRAFT_TAR_NAME_LEN]);

/**
 * Make the manifest and the id. Its format is the lowest that says all.
 *
 * @param[in,out] patch Checked; gets its id.
 * @param[in] elfs One for each module; those that are no `hotpatch` are unused.
 * @param[in] disks Of the parts for the disk.
 * @param[in,out] out Empty; gets the manifest.
 * @return NULL; #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_manifest_encode(struct graft_patch *patch,
		      const struct graft_manifest_elf *elfs,
		      const struct graft_manifest_disks *disks,
		      struct graft_text *out);

/**
 * Read a manifest.
 *
 * @param[in] json Untrusted; no NUL needed behind it.
 * @param[in] len Number of bytes.
 * @param[out] ret New hotpatch whose modules carry nothing yet.
 * @param[out] elfs_ret New array, one for each module; the caller frees it.
 * @param[out] disks_ret The parts for the disk; the caller deinits it.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT;
 * #GRAFT_ERROR_UNSUPPORTED if its format is newer.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_manifest_decode(const char *json, size_t len, struct graft_patch **ret,
		      struct graft_manifest_elf **elfs_ret,
		      struct graft_manifest_disks *disks_ret);

/**
 * Append a string as JSON, with its quotes.
 *
 * @param[in] str Anything; what is not UTF-8 becomes U+FFFD.
 */
void
graft_manifest_put_string(struct graft_text *out, const char *str);

/** Append the array of a module's reasons as JSON. */
void
graft_manifest_put_reasons(struct graft_text *out,
			   const struct graft_patch_module *m);

/** Append the object of a module's counts as JSON. */
void
graft_manifest_put_counts(struct graft_text *out,
			  const struct graft_patch_counts *counts);

/**
 * Compute the id of a manifest.
 *
 * @param[in] json The manifest; its id starts at @ref GRAFT_MANIFEST_ID_OFF.
 * @param[out] ret 32 digits and a NUL.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_manifest_id(const char *json, size_t len,
		  char ret[GRAFT_PATCH_ID_LEN + 1]);

/** What a manifest starts with, one digit for its format; the id follows. */
#define GRAFT_MANIFEST_START "{\"format\":%d,\"id\":\""

enum {
	/** Where the digits of the id are. */
	GRAFT_MANIFEST_ID_OFF = sizeof(GRAFT_MANIFEST_START) - 2,
};

#endif /* GRAFT_PATCH_MANIFEST_H */
