// SPDX-License-Identifier: Apache-2.0

/** @file What root and delegations say of keys, written anew. Inside repo/ only. */

#ifndef GRAFT_REPO_KEYS_H
#define GRAFT_REPO_KEYS_H

#include "base/error.h"
#include "base/text.h"
#include "repo/repo_model.h"

#include <stdbool.h>
#include <stddef.h>

/** Roles and the keys that they list, while they are written. All zeroes begins it. */
struct graft_repo_ring {
	/** Keys that there were, by id; NULL: none. Borrowed. */
	const struct graft_node *old;
	/** Those that roles list now: object of JSON by id. */
	struct graft_json_member *keys;
	size_t count;
	size_t cap;
	/** Texts that the members borrow. */
	char **texts;
	size_t text_count;
	size_t text_cap;
};

/** Free what a ring owns. Also its guard. */
void
graft_repo_ring_deinit(struct graft_repo_ring *ring);

/**
 * Append the object of a role, and note its keys.
 *
 * @param[in] role What was said of it; NULL: nothing.
 * @param[in] rotation What is to be changed; NULL: nothing.
 * @param[in] more Further members, @p more_count of them.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND for a key that is to go and is not there, or means
 * several; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_put_role(struct graft_repo_ring *ring, const struct graft_node *role,
		    const struct graft_repo_rotation *rotation,
		    const struct graft_json_member *more, size_t more_count,
		    struct graft_text *out);

/** Append the object of all keys that were noted. */
void
graft_repo_put_keys(struct graft_repo_ring *ring, struct graft_text *out);

/**
 * Check that each threshold can be met, and that no key serves both for content and online.
 *
 * @param[in] root May be NULL.
 * @param[in] targets May be NULL.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_REFUSED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_check_keys(const struct graft_metadata *root,
		      const struct graft_metadata *targets);

/**
 * Check that people can go by the ids of keys: each key is the one of its id that was there
 * before, or of the SHA-256 that its id says.
 *
 * @param[in] before Root or targets that are live; NULL: none are.
 * @return NULL; #GRAFT_ERROR_REFUSED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_check_ids(const struct graft_metadata *before,
		     const struct graft_metadata *metadata);

#endif /* GRAFT_REPO_KEYS_H */
