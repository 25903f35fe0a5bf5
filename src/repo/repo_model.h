// SPDX-License-Identifier: Apache-2.0

/** @file What the parts of a repository share. Inside repo/ only. */

#ifndef GRAFT_REPO_REPO_MODEL_H
#define GRAFT_REPO_REPO_MODEL_H

#include "base/error.h"
#include "repo/repo.h"
#include "trust/authority.h"
#include "trust/json.h"
#include "trust/metadata.h"
#include "trust/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The member with which a role says for how many days a version of it is good. */
#define GRAFT_REPO_DAYS_KEY "x-graft-days"

/** A file of metadata. Without metadata there is none. */
struct graft_repo_file {
	uint8_t *bytes;
	size_t len;
	struct graft_metadata *metadata;
};

/** A role of content. */
struct graft_repo_role {
	char *name;
	enum graft_metadata_type type;
	/** Its highest version that is signed as it must be. */
	struct graft_repo_file live;
	/** The next one; whoever signed it. */
	struct graft_repo_file staged;
};

/** A file of metadata by its name. */
struct graft_repo_listed {
	uint64_t version;
	/** What stands behind the version: "targets.json". */
	char *rest;
};

struct graft_repo {
	char *dir;
	/** `staged/metadata`; its lock is ours. */
	struct graft_trust_store *store;
	int64_t now;
	/** Nothing that is staged is loaded. */
	bool live_only;
	/** Root, targets, and what is or was delegated; never moved. */
	struct graft_repo_role **roles;
	size_t role_count;
	size_t role_cap;
	/** What lies in `public/metadata` with a version in front. */
	struct graft_repo_listed *listed;
	size_t listed_count;
	size_t listed_cap;
};

enum {
	/** Where in the list of roles these are. */
	GRAFT_REPO_ROOT = 0,
	GRAFT_REPO_TARGETS = 1,
};

/** Free what a file owns. */
void
graft_repo_file_deinit(struct graft_repo_file *file);

/** Join names to a path below the directory. @param[out] ret The caller frees it. */
GRAFT_PRINTF(3)
GRAFT_MUST_CHECK struct graft_error *
graft_repo_path(const struct graft_repo *repo, char **ret, const char *fmt,
		...);

/** Get what a role says now or next: staged, else live; NULL if there is neither. */
const struct graft_metadata *
graft_repo_current(const struct graft_repo_role *role);

/** Find a role. @return NULL if there is none. */
struct graft_repo_role *
graft_repo_find(const struct graft_repo *repo, const char *name);

/** Find a role of a name that somebody typed. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_look_up(const struct graft_repo *repo, const char *name,
		   struct graft_repo_role **ret);

/** Have a role in the list. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_have_role(struct graft_repo *repo, const char *name,
		     struct graft_repo_role **ret);

/** Find what targets says of a delegated role. @return NULL if nothing. */
const struct graft_node *
graft_repo_delegated(const struct graft_metadata *targets, const char *name);

/**
 * Get who may sign what a role says next.
 *
 * @return false if nobody delegates to it any more.
 */
bool
graft_repo_authority(const struct graft_repo *repo,
		     const struct graft_repo_role *role,
		     struct graft_authority *ret);

/** Say whether a role is one of the bins. */
bool
graft_repo_is_bin(const char *name);

/** Call something for a role, or if it is "bins" for all bins. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_each(struct graft_repo *repo, const char *role,
		struct graft_error *(*fn)(struct graft_repo *repo,
					  struct graft_repo_role *role));

/** Read the list of `public/metadata`. It may be missing. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_list(struct graft_repo *repo);

/** Get the highest version of a role in that list below a bound; 0 without. */
uint64_t
graft_repo_highest(const struct graft_repo *repo, const char *role,
		   uint64_t below);

/** Read a file of metadata. @param[in] path Full. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_read(const char *path, enum graft_metadata_type type,
		struct graft_repo_file *ret);

/** Load all that is live and staged. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_load(struct graft_repo *repo, const char *trusted_root);

/**
 * Stage the next version of a role: what it says now, with members exchanged, signed by
 * nobody.
 *
 * @param[in] members Beside version and expiry, which are set here.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_stage(struct graft_repo *repo, struct graft_repo_role *role,
		 const struct graft_json_member *members, size_t count);

/** The same for a role of which nobody says yet for how many days it is good. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_stage_for(struct graft_repo *repo, struct graft_repo_role *role,
		     uint32_t days, const struct graft_json_member *members,
		     size_t count);

/**
 * Write a file of metadata.
 *
 * @param[in] signatures JSON of the array's elements.
 * @param[in] signed_part JSON.
 */
void
graft_repo_wrap(struct graft_text *out, const char *signatures,
		const char *signed_part);

/** Keep a staged file on disk and in memory. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_keep(struct graft_repo *repo, struct graft_repo_role *role,
		const struct graft_text *bytes);

/** Write when something expires that begins now, as JSON. */
void
graft_repo_put_expiry(struct graft_text *out, int64_t now, uint32_t days);

/** Get for how many days a version of a role is good. */
uint32_t
graft_repo_days(const struct graft_node *role, uint32_t without);

#endif /* GRAFT_REPO_REPO_MODEL_H */
