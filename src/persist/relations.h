// SPDX-License-Identifier: Apache-2.0

/** @file Relations between packages, as control files write them (deb-control(5)). */

#ifndef GRAFT_PERSIST_RELATIONS_H
#define GRAFT_PERSIST_RELATIONS_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * Find the first clause that stops holding when a package gets another version.
 *
 * A clause with alternatives is taken to hold.
 *
 * @param[in] clauses "a (= 1.0), b | c"; may be empty.
 * @param[in] package Name of the package.
 * @param[in] version Its new version.
 * @param[out] len_ret Length of the clause.
 * @return The clause, inside @p clauses; NULL: there is none.
 */
const char *
graft_relations_find_broken(const char *clauses, const char *package,
			    const char *version, size_t *len_ret);

/**
 * Find the first clause of NEW that OLD does not have, and that no installed package
 * satisfies.
 *
 * @param[in] old OLD's clauses, which hold.
 * @param[in] new NEW's.
 * @param[in] installed What dpkg has: lines of "NAME\tVERSION\tPROVIDES".
 * @param[out] len_ret Length of the clause.
 * @return The clause, inside @p new; NULL: there is none.
 */
const char *
graft_relations_find_missing(const char *old, const char *new,
			     const char *installed, size_t *len_ret);

/**
 * Find the first clause of NEW that OLD does not have, and that something installed
 * satisfies: of "Breaks" and "Conflicts".
 *
 * @param[in] self Name of the package that has the clauses: it is in its own way never.
 * @param[in] installed As with graft_relations_find_missing().
 * @param[out] len_ret Length of the clause.
 * @return The clause, inside @p new; NULL: there is none.
 */
const char *
graft_relations_find_present(const char *old, const char *new, const char *self,
			     const char *installed, size_t *len_ret);

/**
 * Find the first clause that names a package and begins to hold when that gets another
 * version: of "Breaks" and "Conflicts" of others.
 *
 * @param[in] from Version in which it is now, and @p to the one that it gets.
 */
const char *
graft_relations_find_begun(const char *clauses, const char *package,
			   const char *from, const char *to, size_t *len_ret);

#endif /* GRAFT_PERSIST_RELATIONS_H */
