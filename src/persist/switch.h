// SPDX-License-Identifier: Apache-2.0

/** @file A package from one version to the other, by dpkg, and whether it is there. */

#ifndef GRAFT_PERSIST_SWITCH_H
#define GRAFT_PERSIST_SWITCH_H

#include "base/error.h"

#include <stdbool.h>

struct graft_disk;
struct graft_record;
struct graft_store;

/**
 * Bring a package to the new version, or back to the old one, whatever dpkg left half
 * done. dpkg's lock must be held.
 *
 * @param[in] new To the new one.
 * @return NULL: it is there, whole, and its files are what the hotpatch says.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_switch_package(const struct graft_store *store,
		     const struct graft_record *record,
		     const struct graft_disk *disk, bool new);

/**
 * Say whether somebody else has brought the package to a third version, or removed it, since
 * the record was written: then it is no affair of the record any more.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_switch_is_over(const struct graft_record *record, bool *ret);

/**
 * See that what is installed is what the record says, so that going back takes back
 * nothing else.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED if it has got another version since.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_switch_may_go_back(const struct graft_record *record,
			 const struct graft_disk *disk);

#endif /* GRAFT_PERSIST_SWITCH_H */
