// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Two repositories that must say the same of a target: a vendor's, and one on the premises
 * whose keys are others. Who has the keys of one alone gets nothing taken.
 */

#ifndef GRAFT_TRUST_AGREE_H
#define GRAFT_TRUST_AGREE_H

#include "base/error.h"
#include "trust/client.h"

/**
 * Check that two clients find the same target under a path. Refreshes both.
 *
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if one of them has no such target;
 * #GRAFT_ERROR_DIFFERENT if lengths or hashes differ, or no kind of hash is in both; those of
 * graft_client_find().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_client_agree(struct graft_client *first, struct graft_client *second,
		   const char *path);

#endif /* GRAFT_TRUST_AGREE_H */
