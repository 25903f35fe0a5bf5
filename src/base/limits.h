// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Every limit on what comes from outside, in one place.
 *
 * A limit keeps a bad file from eating the machine. Each is several times what
 * the largest real input needs; what exceeds one gets #GRAFT_ERROR_LIMIT.
 */

#ifndef GRAFT_BASE_LIMITS_H
#define GRAFT_BASE_LIMITS_H

#include <stdint.h>

/** An ELF file: 1 GiB. Debug files of browsers come near. */
#define GRAFT_LIMIT_ELF_BYTES ((uint64_t)1 << 30)
/** What is hashed of a file that is no ELF file, in a directory: its first 64 MiB. */
#define GRAFT_LIMIT_OTHER_BYTES ((uint64_t)64 << 20)
/** A package (`.deb`), as it lies on disk: 1 GiB. */
#define GRAFT_LIMIT_PACKAGE_BYTES ((uint64_t)1 << 30)
/** What a package unpacks to: 8 GiB, so that it is no bomb. */
#define GRAFT_LIMIT_UNPACKED_BYTES ((uint64_t)8 << 30)
/** Files in a package or tree. */
#define GRAFT_LIMIT_TREE_FILES ((uint64_t)1000000)
/** A `.graft` file: 256 MiB. */
#define GRAFT_LIMIT_PATCH_BYTES ((uint64_t)256 << 20)
/** The manifest of a hotpatch: 64 MiB. */
#define GRAFT_LIMIT_MANIFEST_BYTES ((uint64_t)64 << 20)
/** Modules of one hotpatch. */
#define GRAFT_LIMIT_MODULES ((uint64_t)4096)
/** A text file of /proc, such as maps: 64 MiB. */
#define GRAFT_LIMIT_PROC_BYTES ((uint64_t)64 << 20)
/** Threads of one process. */
#define GRAFT_LIMIT_THREADS ((uint64_t)65536)
/** A path or a name, with its NUL. */
#define GRAFT_LIMIT_PATH ((uint64_t)4096)
/** A free text in the ledger or a manifest. */
#define GRAFT_LIMIT_NOTE ((uint64_t)4096)
/** Entries that the ledger hands out at once. */
#define GRAFT_LIMIT_LEDGER_ENTRIES ((uint64_t)1000000)

#endif /* GRAFT_BASE_LIMITS_H */
