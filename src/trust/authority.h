// SPDX-License-Identifier: Apache-2.0

/** @file Who may sign for a role, and whether enough of them did. */

#ifndef GRAFT_TRUST_AUTHORITY_H
#define GRAFT_TRUST_AUTHORITY_H

#include "base/error.h"
#include "trust/document.h"
#include "trust/metadata.h"

#include <stdbool.h>

/** What a root says of a role, or a delegator. Borrows from their metadata. */
struct graft_authority {
	/** Keys by id. */
	const struct graft_node *keys;
	/** `keyids` and `threshold` of the role. */
	const struct graft_node *role;
};

/** Get what a root says of one of the four roles. */
struct graft_authority
graft_authority_of(const struct graft_metadata *root,
		   enum graft_metadata_type type);

/**
 * Check that as many keys as the threshold asks for signed.
 *
 * A key counts once, also if it is listed under two ids. Signatures that are not
 * valid, of unknown keys or of kinds that are not handled do no harm.
 *
 * @return NULL; #GRAFT_ERROR_BAD_SIGNATURE with both numbers.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_authority_check(const struct graft_authority *authority,
		      const struct graft_metadata *metadata);

/**
 * Ask whether a role lost a key from one root to the next: it was rotated.
 *
 * A threshold that is another, and keys that are new beside the old ones, are none.
 */
bool
graft_authority_rotated(const struct graft_metadata *old,
			const struct graft_metadata *new,
			enum graft_metadata_type type);

#endif /* GRAFT_TRUST_AUTHORITY_H */
