// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Metadata of The Update Framework 1.0: what one file says.
 *
 * A decoded file is well-formed and bounded: every member that this program looks at
 * is there and of the right form. It is *not* trusted: that takes
 * graft_authority_check() and the checks of client.h. Members that are unknown are
 * tolerated and signed with the rest.
 *
 *     { "signatures": [ { "keyid": ..., "sig": ... } ], "signed": { "_type": ... } }
 */

#ifndef GRAFT_TRUST_METADATA_H
#define GRAFT_TRUST_METADATA_H

#include "base/cleanup.h"
#include "base/error.h"
#include "trust/document.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a file says of itself. Delegated roles are targets, too. */
enum graft_metadata_type {
	GRAFT_METADATA_ROOT,
	GRAFT_METADATA_TIMESTAMP,
	GRAFT_METADATA_SNAPSHOT,
	GRAFT_METADATA_TARGETS,
	GRAFT_METADATA_TYPES,
};

/** A file that was decoded. */
struct graft_metadata {
	enum graft_metadata_type type;
	struct graft_document *document;
	/** Array of objects with `keyid`, each another, and `sig`. */
	const struct graft_node *signatures;
	const struct graft_node *signed_part;
	/** What the signatures are over. */
	uint8_t *canonical;
	size_t canonical_len;
	/** From 1. */
	uint64_t version;
	/** First second at which it is no longer good, in Unix time. */
	int64_t expires;
	/** Root only: names of files have their version in front. */
	bool consistent_snapshot;
	/** Root, and targets with delegations: object of keys by id; else NULL. */
	const struct graft_node *keys;
	/**
	 * Root: object of the four roles. Targets: array of delegated roles, NULL
	 * if there are none.
	 */
	const struct graft_node *roles;
	/** Timestamp and snapshot: object of files. */
	const struct graft_node *meta;
	/** Targets: object of targets by path. */
	const struct graft_node *targets;
};

/**
 * Decode a file.
 *
 * @param[in] type What it must say that it is.
 * @param[in] bytes Untrusted. Not needed afterwards.
 * @param[in] len Number of bytes.
 * @param[out] ret New; free with graft_metadata_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_UNSUPPORTED
 * if it is of another version of the specification.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_metadata_decode(enum graft_metadata_type type, const void *bytes,
		      size_t len, struct graft_metadata **ret);

/** The member with which a file of targets may say of which role it is. */
#define GRAFT_METADATA_ROLE_KEY "x-graft-role"

/**
 * Check that a file of targets does not say that it is of another role.
 *
 * The specification has no such member: a key that signs for two roles signs for both what
 * it signs for one. Who writes it keeps them apart; without it there is nothing to check.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_metadata_check_role(const struct graft_metadata *metadata,
			  const char *role);

/** Free metadata. NULL is a no-op. */
void
graft_metadata_free(struct graft_metadata *metadata);
GRAFT_DEFINE_CLEANUP(struct graft_metadata, graft_metadata_free)

/** Get the name of a type: "root", "timestamp", "snapshot", "targets". Static. */
const char *
graft_metadata_type_name(enum graft_metadata_type type);

/**
 * Get what a timestamp or snapshot says of the file of a role.
 *
 * @param[in] role Name of the role, without ".json".
 * @return Its object, with a `version`; NULL if nothing is said.
 */
const struct graft_node *
graft_metadata_file(const struct graft_metadata *metadata, const char *role);

/** Get the `version` of such an object: at least 1. */
uint64_t
graft_metadata_file_version(const struct graft_node *file);

#endif /* GRAFT_TRUST_METADATA_H */
