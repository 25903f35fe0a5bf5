// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Packages from one version to the other, by dpkg and all at once, and whether they are
 * there.
 *
 * A package of a record that is not installed any more was removed by somebody else: it is
 * left out, of all that follows.
 */

#ifndef GRAFT_PERSIST_SWITCH_H
#define GRAFT_PERSIST_SWITCH_H

#include "base/error.h"

#include <stdbool.h>

struct graft_patch;
struct graft_record;
struct graft_record_package;
struct graft_store;

/**
 * Bring the packages of a record to the new versions, or back to the old ones, whatever
 * dpkg left half done. dpkg's lock must be held.
 *
 * @param[in] new To the new ones.
 * @return NULL: they are there, whole, and their files are what the hotpatch says.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_switch_packages(const struct graft_store *store,
		      const struct graft_record *record,
		      const struct graft_patch *patch, bool new);

/**
 * Say whether a package of a record is installed at all, and whole in its new version.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_switch_is_new(const struct graft_record *record,
		    const struct graft_record_package *package, bool *there_ret,
		    bool *new_ret);

/**
 * Say whether somebody else has brought a package to a third version, or removed them all,
 * since the record was written: then it is no affair of the record any more.
 *
 * @param[out] ret That package, lent by the record; NULL: it is not so.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_switch_is_over(const struct graft_record *record,
		     const struct graft_record_package **ret);

/**
 * See that what is installed is what the record says, so that going back takes back
 * nothing else, and that nobody needs it.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED if one has got another version since;
 * #GRAFT_ERROR_NOT_FOUND if none is installed.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_switch_may_go_back(const struct graft_record *record,
			 const struct graft_patch *patch);

#endif /* GRAFT_PERSIST_SWITCH_H */
