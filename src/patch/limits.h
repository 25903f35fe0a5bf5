// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * How large a hotpatch may be: the limits of the format, beside those of
 * base/limits.h for the whole file, the manifest and the number of modules.
 *
 * A file that exceeds one is refused with #GRAFT_ERROR_LIMIT before memory is
 * taken for it, and the encoder refuses to write such a file.
 */

#ifndef GRAFT_PATCH_LIMITS_H
#define GRAFT_PATCH_LIMITS_H

#include "base/limits.h"

#include <stdint.h>

enum {
	/**
	 * The newest format that this program reads. It writes the oldest one
	 * that says all there is to say.
	 */
	GRAFT_PATCH_FORMAT = 8,
	/** Values (not keys) in `manifest.json`. */
	GRAFT_PATCH_MANIFEST_VALUES_MAX = 1 << 20,
	/** Arrays and objects inside each other in `manifest.json`. */
	GRAFT_PATCH_MANIFEST_DEPTH_MAX = 8,
	/** Bytes of a path, title, version, symbol or sentence. */
	GRAFT_PATCH_STRING_MAX = 16 << 10,
	GRAFT_PATCH_CVES_MAX = 4096,
	/** Reasons of one module. */
	GRAFT_PATCH_REASONS_MAX = 16 << 10,
	/** Runs of one module; each is one or two sections of its ELF file. */
	GRAFT_PATCH_RUNS_MAX = 16 << 10,
	/** Redirects, fragments, ... of one module, each kind for itself. */
	GRAFT_PATCH_RECORDS_MAX = 1 << 20,
	/** How often larger than its member a decompressed file may be. */
	GRAFT_PATCH_RATIO_MAX = 1024,
	/** Largest alignment of a shadow. */
	GRAFT_PATCH_ALIGN_MAX = 1 << 30,
	/** Packages that one hotpatch makes new. */
	GRAFT_PATCH_DISKS_MAX = 256,
	/** Paths of the package that a hotpatch makes new. */
	GRAFT_PATCH_DISK_ENTRIES_MAX = 200000,
	/** Files of a control.tar. */
	GRAFT_PATCH_DISK_CONTROLS_MAX = 256,
	/** A configuration file, a file of control.tar, or what is packed by gzip. */
	GRAFT_PATCH_DISK_RAW_MAX = 64 << 20,
	/** A file of a package. */
	GRAFT_PATCH_DISK_FILE_MAX = 1 << 30,
	/** Parts for the disk that are packed together, decompressed. */
	GRAFT_PATCH_JOINED_MAX = 512 << 20,
	/** Values in the index of a package's paths. */
	GRAFT_PATCH_DISK_VALUES_MAX = 4 << 20,
	/** Smallest page; two runs that share one must agree. */
	GRAFT_PATCH_PAGE = 4096,
};

/** Bytes of all modules of one file together, decompressed. */
#define GRAFT_PATCH_ELF_MAX ((uint64_t)1 << 30)
/** First address that no build can have: user space ends below. */
#define GRAFT_PATCH_ADDR_END ((uint64_t)1 << 47)
/** From the first byte of a shadow to its end: reach of a displacement. */
#define GRAFT_PATCH_SPAN_MAX ((uint64_t)1 << 31)

#endif /* GRAFT_PATCH_LIMITS_H */
