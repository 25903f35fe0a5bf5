// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * How much of a file we are ready to believe. All limits of this folder; the
 * size of a whole file is limited in base/limits.h.
 *
 * Everything else that is allocated while a file is read is bounded by the size
 * of the file: the sections of a file may not overlap in it (reader.c), so that
 * the sum of all tables is no larger than the file.
 */

#ifndef GRAFT_ELF_LIMITS_H
#define GRAFT_ELF_LIMITS_H

#include <stdint.h>

/** Largest address that a file may use, inclusive: half of user space. */
static const uint64_t GRAFT_LIMIT_ADDR = UINT64_C(1) << 47;

/** Debug information of one file, unpacked: 1 GiB. That of libcrypto has 12 MB. */
static const uint64_t GRAFT_LIMIT_DWARF_BYTES = UINT64_C(1) << 30;

/** Largest alignment of a section or segment: a page of 1 GiB. */
static const uint64_t GRAFT_LIMIT_ALIGN = UINT64_C(1) << 30;

enum {
	/** Sections of a file. The largest linked files have about a hundred. */
	GRAFT_LIMIT_SECTIONS = 16384,
	/** Program headers of a file. */
	GRAFT_LIMIT_SEGMENTS = 256,
	/** Units of debug information. */
	GRAFT_LIMIT_DWARF_UNITS = 1 << 20,
	/** Ranges of addresses of all units together. */
	GRAFT_LIMIT_DWARF_RANGES = 1 << 22,
	/** Functions and variables. */
	GRAFT_LIMIT_DWARF_SUBJECTS = 1 << 22,
	/** Parameters and variables of one function, inlined ones too. */
	GRAFT_LIMIT_DWARF_LOCALS = 1 << 16,
	/** Types that are read. */
	GRAFT_LIMIT_DWARF_TYPES = 1 << 22,
};

#endif /* GRAFT_ELF_LIMITS_H */
