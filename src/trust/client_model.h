// SPDX-License-Identifier: Apache-2.0

/** @file What the parts of a client share. Inside trust/ only. */

#ifndef GRAFT_TRUST_CLIENT_MODEL_H
#define GRAFT_TRUST_CLIENT_MODEL_H

#include "base/error.h"
#include "trust/authority.h"
#include "trust/client.h"
#include "trust/metadata.h"
#include "trust/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A role of targets that was verified in this update. */
struct graft_client_role {
	char *name;
	struct graft_metadata *metadata;
};

struct graft_client {
	struct graft_client_config config;
	struct graft_trust_store *store;
	struct graft_metadata *root;
	struct graft_metadata *timestamp;
	struct graft_metadata *snapshot;
	struct graft_client_role *roles;
	size_t role_count;
	size_t role_cap;
	bool refreshed;
};

/** A file that is being looked at, for what is said of it. */
struct graft_client_file {
	/** Name of its role. Borrowed. */
	const char *role;
	enum graft_metadata_type type;
	/** Its URL, or its path in the store. Owned. */
	char *place;
	uint8_t *bytes;
	size_t len;
	struct graft_metadata *metadata;
};

/** Free what a file owns; also its guard. */
void
graft_client_file_deinit(struct graft_client_file *file);

/** Put role and place before an error, and behind it what to do. */
GRAFT_MUST_CHECK struct graft_error *
graft_client_say(const struct graft_client_file *file, struct graft_error *err);

/**
 * Get the file of a role from the repository.
 *
 * @param[in] version In front of its name; 0: none.
 * @param[in] max Most bytes.
 * @param[in,out] file With role and type; gets place, bytes and length.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_client_fetch(struct graft_client *client, uint64_t version, uint64_t max,
		   struct graft_client_file *file);

/**
 * Read the file of a role from the store, and verify who signed it.
 *
 * @param[in] authority Who may sign it; NULL: who it says itself.
 * @param[in,out] file With role and type; gets everything.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_client_load(struct graft_client *client,
		  const struct graft_authority *authority,
		  struct graft_client_file *file);

/**
 * The same where a file that is missing or not good is as none.
 *
 * @return NULL also then, and the file has no metadata; errors of this machine.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_client_load_if_good(struct graft_client *client,
			  const struct graft_authority *authority,
			  struct graft_client_file *file);

/** Decode the bytes of a file and verify who signed them. */
GRAFT_MUST_CHECK struct graft_error *
graft_client_verify(const struct graft_authority *authority,
		    struct graft_client_file *file);

/** Check that a file is good at the time of the update. */
GRAFT_MUST_CHECK struct graft_error *
graft_client_check_time(const struct graft_client *client,
			const struct graft_metadata *metadata);

/** Walk from the trusted root to the newest one; section 5.3. */
GRAFT_MUST_CHECK struct graft_error *
graft_client_update_root(struct graft_client *client);

/**
 * Have a role of targets verified against a delegator; sections 5.6.1 to 5.6.6.
 *
 * @param[in] role Its name; "targets" is the one of the root.
 * @param[in] authority What the delegator says of it now: what another one said
 * before does not count.
 * @param[out] ret Belongs to the client; good until the role is asked for again.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_client_targets(struct graft_client *client, const char *role,
		     const struct graft_authority *authority,
		     const struct graft_metadata **ret);

#endif /* GRAFT_TRUST_CLIENT_MODEL_H */
