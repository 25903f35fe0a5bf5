// SPDX-License-Identifier: Apache-2.0

/** @file Who may sign, who did, and signatures that are added. Inside repo/ only. */

#ifndef GRAFT_REPO_SIGNING_H
#define GRAFT_REPO_SIGNING_H

#include "base/error.h"
#include "base/text.h"
#include "repo/repo_model.h"
#include "trust/authority.h"
#include "trust/key.h"
#include "trust/metadata.h"

#include <stdbool.h>
#include <stddef.h>

/** Whoever's signatures a role needs: for a root its own keys and those of the one before. */
struct graft_repo_asked {
	struct graft_authority list[2];
	size_t count;
};

/** Get whose signatures a staged role needs. */
struct graft_repo_asked
graft_repo_ask(const struct graft_repo *repo,
	       const struct graft_repo_role *role);

/**
 * Find the id under which an authority lists a key.
 *
 * @param[out] ret Its id, of the authority's metadata; NULL if it does not list it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_find_key(const struct graft_authority *authority,
		    const struct graft_key *key, const struct graft_node **ret);

/**
 * Ask whether the key of an id signed.
 *
 * @param[in] keyid One of the authority.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_has_signed(const struct graft_authority *authority,
		      const struct graft_node *keyid,
		      const struct graft_metadata *metadata, bool *ret);

/** Append one signature to the elements of an array. */
void
graft_repo_put_signature(struct graft_text *out, const char *keyid,
			 const char *sig);

/**
 * Sign metadata with each key that an authority lists and that has not signed yet.
 *
 * @param[in,out] signatures Elements of an array; gets those that are new.
 * @param[out] count_ret How many these are.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_put_signatures(const struct graft_authority *authority,
			  const struct graft_repo_keys *keys,
			  const struct graft_metadata *metadata,
			  struct graft_text *signatures, size_t *count_ret);

/**
 * Append those signatures of metadata that are good, of keys that are asked, and not there
 * yet.
 *
 * @param[in,out] out Elements of an array.
 * @param[out] count_ret How many were appended.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_put_present(const struct graft_repo_asked *asked,
		       const struct graft_metadata *metadata,
		       struct graft_text *out, size_t *count_ret);

#endif /* GRAFT_REPO_SIGNING_H */
