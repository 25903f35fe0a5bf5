// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The files of one side of a comparison: of an ELF file, a directory or a
 * Debian package.
 *
 * A package is untrusted: its sizes are bounded, its paths may not leave it, and
 * nothing of it is unpacked under a name. ELF files of a package lie in one
 * unnamed temporary file, which goes with the tree.
 */

#ifndef GRAFT_DIFF_TREE_H
#define GRAFT_DIFF_TREE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a tree was opened from. */
enum graft_tree_kind {
	GRAFT_TREE_FILE,
	GRAFT_TREE_DIRECTORY,
	GRAFT_TREE_PACKAGE,
};

/** A regular file of a tree. */
struct graft_tree_file {
	/** Path in the tree, without "/" or "./" in front. */
	char *path;
	uint64_t size;
	/** Of what is no ELF file, of its first #GRAFT_LIMIT_OTHER_BYTES. */
	uint8_t sha256[GRAFT_SHA256_LEN];
	/** Begins as an ELF program or library (ET_EXEC or ET_DYN). */
	bool elf;
	/** Holds debug information only, to judge by its path. */
	bool debug;
	/** Where it lies in graft_tree::spill; ELF files of packages only. */
	uint64_t off;
};

/** One side of a comparison. Files stand by ascending path. */
struct graft_tree {
	enum graft_tree_kind kind;
	/** Path that it was opened by. */
	char *name;
	/** Package and Version of the control file; NULL unless a package. */
	char *package;
	char *version;
	/** Bytes of the package as it lies on disk, or of all files. */
	uint64_t bytes;
	struct graft_tree_file *files;
	size_t file_count;
	size_t file_cap;
	/** Symbolic links of a directory, which are not followed. */
	size_t link_count;
	/** Unnamed file with the ELF files of a package, or -1. */
	int spill;
};

/**
 * Open an ELF file, a directory or a Debian package.
 *
 * Symbolic links in a directory or package are not followed; hard links are
 * files.
 *
 * @param[in] path What to open.
 * @param[out] ret New tree; free with graft_tree_close().
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_OS;
 * #GRAFT_ERROR_UNSUPPORTED (neither of the three); #GRAFT_ERROR_BAD_INPUT
 * (truncated, a path that leaves the package, the same path twice);
 * #GRAFT_ERROR_LIMIT. The message begins with @p path.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tree_open(const char *path, struct graft_tree **ret);

/**
 * Open a file as the ELF file that it should be, whatever it is: one that somebody else
 * chose may be a package that fills the disk.
 *
 * @param[in] path What to open.
 * @param[out] ret New tree; free with graft_tree_close().
 * @return As graft_tree_open().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tree_open_file(const char *path, struct graft_tree **ret);

/** Free a tree. NULL is a no-op. */
void
graft_tree_close(struct graft_tree *tree);
GRAFT_DEFINE_CLEANUP(struct graft_tree, graft_tree_close)

/**
 * Read a file of a tree.
 *
 * @param[in] file An ELF file of @p tree.
 * @param[out] bytes_ret New buffer that the caller frees; never NULL.
 * @param[out] len_ret Its length: graft_tree_file::size.
 * @return NULL; #GRAFT_ERROR_OS; #GRAFT_ERROR_BAD_INPUT if it changed since the
 * tree was opened.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tree_read(const struct graft_tree *tree,
		const struct graft_tree_file *file, uint8_t **bytes_ret,
		size_t *len_ret);

/**
 * Append a file to a tree under construction.
 *
 * @param[in] path Path in the tree; copied. "/" and "./" in front are dropped.
 * @param[out] ret The file, zeroed but for its path; valid until the next call.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if a component is "..", or the path is
 * empty; #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tree_add(struct graft_tree *tree, const char *path,
	       struct graft_tree_file **ret);

/** Say whether bytes begin as an ELF program or library does. */
bool
graft_tree_is_elf(const uint8_t *bytes, size_t len);

#endif /* GRAFT_DIFF_TREE_H */
