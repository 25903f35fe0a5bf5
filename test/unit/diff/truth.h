// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What is true of a pair of builds, to hold against what the diff says.
 *
 * The same sources are linked with symbols and kept relocations (the truth), and
 * stripped copies of the two files are compared. Objects of the sources have
 * names (hidden, not static), so that a kept relocation says which object and
 * which offset the compiler meant, even one past an end.
 */

#ifndef GRAFT_TEST_DIFF_TRUTH_H
#define GRAFT_TEST_DIFF_TRUTH_H

#include "diff/diff.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	/** Most files of one side. */
	TRUTH_FILES_MAX = 16,
	TRUTH_LINES_MAX = 64,
};

/** A hidden function without FDE, in assembly. */
#define FUNC(name)                                                             \
	".globl " name "\n.hidden " name "\n.type " name ", @function\n" name  \
	":\n"
#define END(name) ".size " name ", .-" name "\n"

/** How a pair is built. */
struct truth_recipe {
	/** "gcc" or "clang". */
	const char *cc;
	/** Flags of compiling. */
	const char *cflags;
	/** Flags of linking, "-shared" or "-pie" among them. */
	const char *ldflags;
	/** Texts of the files, in the order of the link; NULL-terminated. */
	const char *const *old_files;
	const char *const *new_files;
	/** The files are assembly, not C. */
	bool assembly;
	/** Compare the files with their symbols. */
	bool keep_symbols;
};

/** A pair of builds, the diff of its stripped copies, and what is wrong. */
struct truth {
	/** With symbols and relocations. */
	struct graft_image *old_full;
	struct graft_image *new_full;
	/** What is compared. */
	struct graft_image *old_image;
	struct graft_image *new_image;
	struct graft_diff *diff;
	/** Resolutions, pointers and functions that were checked. */
	size_t checked;
	/** What the diff says and is not so, one line each. */
	char *wrong[TRUTH_LINES_MAX];
	size_t wrong_count;
};

/**
 * Build both sides and compare the stripped copies.
 *
 * @param[out] ret Filled; free with truth_deinit(), also after a failure.
 * @return Whether compiler and linker know the flags and the diff was made.
 */
bool
truth_make(const struct truth_recipe *recipe, struct truth *ret);

/**
 * Build a shared library of one file of assembly, and compare it with itself. The
 * test fails if that cannot be done.
 *
 * @param[out] ret Filled; free with truth_deinit().
 */
void
truth_assemble(const char *text, struct truth *ret);

/**
 * Compare two files that exist: with symbols and kept relocations, and stripped.
 *
 * @param[out] ret As in truth_make(); #truth::dir is empty.
 */
bool
truth_open(const char *old_full, const char *new_full, const char *old_stripped,
	   const char *new_stripped, struct truth *ret);

/** Free what a truth holds, and remove its folder. */
void
truth_deinit(struct truth *truth);

/**
 * Check everything that the diff resolved, and that it left out nothing.
 *
 * A diff with findings is refused as a whole, so nothing of it is checked.
 *
 * @return Number of lines in #truth::wrong.
 */
size_t
truth_check(struct truth *truth);

/** Find a symbol of NEW, or NULL. */
const struct graft_symbol *
truth_symbol(const struct graft_image *image, const char *name);

/** Is a function of NEW (by name) carried? */
bool
truth_is_carried(const struct truth *truth, const char *name);

/** Does the diff have a finding of a kind? */
bool
truth_finds(const struct truth *truth, enum graft_finding_kind kind);

/**
 * Count the resolutions of references to a symbol of NEW at a place.
 *
 * @param[in] name Of an object or function of this module.
 */
size_t
truth_resolved(const struct truth *truth, const char *name,
	       enum graft_place place);

#endif /* GRAFT_TEST_DIFF_TRUTH_H */
