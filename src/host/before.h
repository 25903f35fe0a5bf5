// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What an upgrade changed of a package, by the sums of its files from before: dpkg(1)
 * forgets those, so the apt hook puts them aside, as
 *
 *     DIR/SECONDS.N/NAME.md5sums, NAME.list
 *
 * SECONDS is the Unix time at which that was done, NAME what dpkg calls the package in its
 * info folder. The list is there for its time: dpkg writes it anew at each unpacking.
 */

#ifndef GRAFT_HOST_BEFORE_H
#define GRAFT_HOST_BEFORE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Files of a package that are other ones now. */
struct graft_before {
	/** It is known what there was. */
	bool known;
	/** Absolute. What is new is not among them: nobody can hold it. */
	char **paths;
	size_t count;
};

/** Free what it owns, and zero it. Also its guard. */
void
graft_before_deinit(struct graft_before *before);

/**
 * Find what was changed of a package since a moment.
 *
 * @param[in] dir Where sums were put aside. It need not be there.
 * @param[in] name As dpkg-query(1) prints it.
 * @param[in] since_us Unix time in microseconds.
 * @param[out] ret Free with graft_before_deinit(); on error it is left alone. Unknown is
 * what was unpacked by a dpkg that nobody hooked.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_before_find(const char *dir, const char *name, uint64_t since_us,
		  struct graft_before *ret);

/**
 * Compare two lists of sums.
 *
 * @param[in] was Text of a md5sums file of dpkg: "SUM  PATH" lines, paths without '/' in
 * front. Ends with NUL.
 * @param[in] is The one that is in force.
 * @param[out] ret Known.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_before_compare(const char *was, const char *is, struct graft_before *ret);

/**
 * Get when a package was unpacked last.
 *
 * @param[in] name As dpkg-query(1) prints it.
 * @return Unix time in microseconds; 0 if that is not known.
 */
uint64_t
graft_before_unpacked_us(const char *name);

#endif /* GRAFT_HOST_BEFORE_H */
