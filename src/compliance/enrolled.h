// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which host has which key, asked by the key: one that two hosts have is a copy. Inside compliance/ only.
 *
 * A balanced tree, not a hash: whoever sends reports chooses names and keys.
 */

#ifndef GRAFT_COMPLIANCE_ENROLLED_H
#define GRAFT_COMPLIANCE_ENROLLED_H

#include "base/error.h"

/** Hosts by their keys. All zeroes is none. */
struct graft_compliance_enrolled {
	void *root;
};

/** Free what it owns. */
void
graft_compliance_enrolled_deinit(struct graft_compliance_enrolled *enrolled);

/**
 * Add a host with its key; whoever has that key so far keeps it, too.
 *
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_enrolled_add(struct graft_compliance_enrolled *enrolled,
			      const char *host, const char *key_id);

/** Remove a host with its key; it may be missing. */
void
graft_compliance_enrolled_remove(struct graft_compliance_enrolled *enrolled,
				 const char *host, const char *key_id);

/** Find another host that has this key. @return Its name, lent until the next change; NULL: none has. */
const char *
graft_compliance_enrolled_other(
	const struct graft_compliance_enrolled *enrolled, const char *host,
	const char *key_id);

#endif /* GRAFT_COMPLIANCE_ENROLLED_H */
