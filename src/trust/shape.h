// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The forms that parts of metadata must have, and of other documents that are signed as those are.
 * Inside trust/ and compliance/ only.
 *
 * What is asked for here need not be asked again by whoever uses the part.
 */

#ifndef GRAFT_TRUST_SHAPE_H
#define GRAFT_TRUST_SHAPE_H

#include "base/error.h"
#include "trust/document.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * Take a member that must be there, of a kind.
 *
 * @param[in] object Where it must be; that may be no object, too.
 * @param[out] ret Its value.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT with the name of the member.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_shape_take(const struct graft_node *object, const char *key,
		 enum graft_node_kind kind, const struct graft_node **ret);

/** Take a whole number of at least @p min, from 0 on. */
GRAFT_MUST_CHECK struct graft_error *
graft_shape_number(const struct graft_node *object, const char *key,
		   uint64_t min, uint64_t *ret);

/** Take true or false; false if it is missing. */
GRAFT_MUST_CHECK struct graft_error *
graft_shape_bool(const struct graft_node *object, const char *key, bool *ret);

/**
 * Take `keys`: an object of objects. What stands in those is looked at when a signature
 * asks for it: a kind of key that is unknown may be listed.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_shape_keys(const struct graft_node *object,
		 const struct graft_node **ret);

/** Check a role: `keyids`, each another, and a `threshold` of at least 1. */
GRAFT_MUST_CHECK struct graft_error *
graft_shape_role(const struct graft_node *role);

/** Check `roles` of delegations: names, each another, keys, and what each is asked for. */
GRAFT_MUST_CHECK struct graft_error *
graft_shape_delegations(const struct graft_node *roles);

/** Check `meta` of timestamp and snapshot: a version, perhaps length and hashes. */
GRAFT_MUST_CHECK struct graft_error *
graft_shape_files(const struct graft_node *meta);

/** Check `targets`: each has a length and at least one hash. */
GRAFT_MUST_CHECK struct graft_error *
graft_shape_targets(const struct graft_node *targets);

#endif /* GRAFT_TRUST_SHAPE_H */
