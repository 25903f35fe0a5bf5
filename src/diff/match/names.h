// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Symbols of two builds by name: which one is which.
 *
 * Two symbols are the same if name, version, kind and, for local ones, source
 * file are, and if no other symbol at another address of either side has that
 * key: two statics of one name in one file (static locals) are not guessed. The
 * numbers that compilers put into names are no part of it (stem.h): of two lambdas
 * of one function neither is known by its name.
 */

#ifndef GRAFT_DIFF_NAMES_H
#define GRAFT_DIFF_NAMES_H

#include "base/cleanup.h"
#include "base/error.h"
#include "elf/image.h"

/** The defined symbols of both sides, sorted by key. */
struct graft_names;

/**
 * Index the symbols of two builds.
 *
 * @param[in] old_image Borrowed until the names are freed; so is @p new_image.
 * @param[out] ret New index; free with graft_names_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_names_make(const struct graft_image *old_image,
		 const struct graft_image *new_image, struct graft_names **ret);

/** Free an index. NULL is a no-op. */
void
graft_names_free(struct graft_names *names);
GRAFT_DEFINE_CLEANUP(struct graft_names, graft_names_free)

/**
 * Find how long a name is without the numbers that compilers put behind it:
 * "counter.1" for a static of a function, "object.2" for a member that became
 * an object of its own, "object.2.1" for a member of that.
 */
size_t
graft_names_unnumbered(const char *name);

/** Find the OLD symbol that stands for a NEW one, or NULL. */
const struct graft_symbol *
graft_names_old(const struct graft_names *names,
		const struct graft_symbol *new_symbol);

/** Find the NEW symbol for which an OLD one stands, or NULL. */
const struct graft_symbol *
graft_names_new(const struct graft_names *names,
		const struct graft_symbol *old_symbol);

/**
 * Say whether a NEW symbol has a name that OLD does not have at all, while OLD
 * has a symbol table in which it would stand: it is new.
 */
bool
graft_names_is_new(const struct graft_names *names,
		   const struct graft_symbol *new_symbol);

/**
 * Say whether only the number in its name tells a NEW symbol from others of its
 * own side or of OLD, so that its name does not say which one of OLD it is.
 *
 * @return false if its name has no number, or tells.
 */
bool
graft_names_is_counted(const struct graft_names *names,
		       const struct graft_symbol *new_symbol);

/** Say whether only numbers of compilers tell two names apart, or nothing. */
bool
graft_names_same_stem(const struct graft_symbol *a,
		      const struct graft_symbol *b);

#endif /* GRAFT_DIFF_NAMES_H */
