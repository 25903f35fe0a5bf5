// SPDX-License-Identifier: Apache-2.0

/** @file From two trees to a hotpatch: each pair compared, judged, emitted. */

#ifndef GRAFT_CMD_COMPARE_H
#define GRAFT_CMD_COMPARE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct graft_debug_search;
struct graft_explanation;
struct graft_pairs;
struct graft_tree;
struct graft_patch;

/** Told before each pair that takes time. */
typedef void
graft_compare_progress_fn(void *arg, const char *path, size_t done,
			  size_t total);

/**
 * Read one side of a pair, for who may open no files.
 *
 * @param[out] bytes_ret New buffer.
 */
typedef struct graft_error *
graft_compare_read_fn(void *arg, const struct graft_tree *tree,
		      uint8_t **bytes_ret, size_t *len_ret);

/** How to compare. */
struct graft_compare_options {
	/** Where debug files are, or NULL. */
	const struct graft_debug_search *search;
	/** What to call the hotpatch; NULL: after the package, if there is one. */
	const char *title;
	/**
	 * What several packages were built from, and in which versions; NULL each: the
	 * package's own.
	 */
	const char *package;
	const char *old_version;
	const char *new_version;
	/** Store code as deltas to the OLD files where that is smaller. */
	bool delta;
	const char *const *cves;
	size_t cve_count;
	/** Carry functions that differ in nothing but line numbers too. */
	bool carry_lines;
	/** Gets a module for each of the patch; NULL: nothing is explained. */
	struct graft_explanation *explanation;
	/** NULL: graft_tree_read(). */
	graft_compare_read_fn *read;
	void *read_arg;
	/** NULL for none. */
	graft_compare_progress_fn *progress;
	void *progress_arg;
};

/**
 * Compare and judge every pair, and make a hotpatch of what may be applied.
 *
 * Each pair becomes a module, whatever its verdict is; a removed file is a
 * `baseline` one, an added file is none. A file in a directory or package
 * that cannot be read as an ELF build is `baseline`; one that was named by
 * itself is an error. The same two files under several names (hard links) are one
 * module: a process does not have them twice.
 *
 * @param[in] all The pairs of one tree of OLD and one of NEW each, borrowed for the call.
 * Packages that go together are several.
 * @param[in] count How many.
 * @param[in] options Borrowed for the call.
 * @param[out] ret New hotpatch; free with graft_patch_free().
 * @return NULL, or the first error; the message names the file.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compare(struct graft_pairs *const *all, size_t count,
	      const struct graft_compare_options *options,
	      struct graft_patch **ret);

#endif /* GRAFT_CMD_COMPARE_H */
