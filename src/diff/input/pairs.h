// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which ELF file of NEW stands for which of OLD.
 *
 * Files are paired by path first; what is left by ever looser names, each only
 * where it is the only one of that name on both sides: usr-merged path, library
 * name with its major version, library name without version, path with its
 * numbers blanked, and the same without directory.
 */

#ifndef GRAFT_DIFF_PAIRS_H
#define GRAFT_DIFF_PAIRS_H

#include "diff/input/tree.h"

/** A pair of files, or one file alone. */
struct graft_pair {
	/** In graft_pairs::old_tree; NULL: the file was added. */
	const struct graft_tree_file *old_file;
	/** In graft_pairs::new_tree; NULL: the file was removed. */
	const struct graft_tree_file *new_file;
	/** Both are there and hold the same bytes. */
	bool same;
};

/** The pairs of two trees, by ascending path (NEW's, else OLD's). */
struct graft_pairs {
	/** Borrowed. */
	const struct graft_tree *old_tree;
	const struct graft_tree *new_tree;
	struct graft_pair *pairs;
	size_t count;
	/**
	 * Files that are no ELF files and differ, in their size or in what is hashed of
	 * them, or are on one side only.
	 */
	size_t others_changed;
};

/**
 * Pair the ELF files of two trees. Debug files are left out.
 *
 * @param[in] old_tree Borrowed until the pairs are freed; so is @p new_tree.
 * @param[out] ret New pairs; free with graft_pairs_free().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; #GRAFT_ERROR_BAD_INPUT if the two
 * inputs are not of one kind: a file against a directory or package.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_pairs_make(const struct graft_tree *old_tree,
		 const struct graft_tree *new_tree, struct graft_pairs **ret);

/** Free pairs. NULL is a no-op. */
void
graft_pairs_free(struct graft_pairs *pairs);
GRAFT_DEFINE_CLEANUP(struct graft_pairs, graft_pairs_free)

/** Get the path that a pair is called by: NEW's, or OLD's if it was removed. */
const char *
graft_pair_path(const struct graft_pair *pair);

#endif /* GRAFT_DIFF_PAIRS_H */
