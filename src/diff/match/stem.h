// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A symbol's name without the numbers that compilers put into it.
 *
 * Compilers count what has no name of its own, or shares one, and count otherwise
 * when one comes or goes: lambdas and unnamed types of C++ (`UlvE0_`, `Ut0_`,
 * clang's `$_0`), local classes and statics of one name (`_0`), what Rust's old
 * mangling hashes, clones, nested functions and local statics of C (`.1`).
 *
 * This reads names letter by letter and no grammar: it may take for a number what
 * is none. Whoever uses it must only lose by that.
 */

#ifndef GRAFT_DIFF_STEM_H
#define GRAFT_DIFF_STEM_H

#include <stdbool.h>

/** A name to be read. Plain data. */
struct graft_stem {
	const char *name;
	/** Where the first lambda of C++ may stand, or NULL. */
	const char *lambda;
	/** Where the first function around something local may stand, or NULL. */
	const char *entity;
	/** A name of C++, or of Rust's old mangling. */
	bool mangled;
	/** The symbol is local: what stands behind a dot may be a number. */
	bool local;
};

/** What is left out of a name. */
enum graft_stem_level {
	/**
	 * Numbers that are counted over more than what shares the rest of the
	 * name, and so differ though nothing with this name came or went.
	 */
	GRAFT_STEM_COMMON,
	/** Every number. */
	GRAFT_STEM_ALL,
};

/** Prepare a name. @param[in] name Borrowed as long as the result. */
struct graft_stem
graft_stem_of(const char *name, bool local);

/**
 * Compare two names without their numbers.
 *
 * @return Below, at or above 0: an order of all names at one level.
 */
int
graft_stem_compare(const struct graft_stem *a, const struct graft_stem *b,
		   enum graft_stem_level level);

/** Say whether there is any number in a name. */
bool
graft_stem_is_numbered(const struct graft_stem *stem);

#endif /* GRAFT_DIFF_STEM_H */
