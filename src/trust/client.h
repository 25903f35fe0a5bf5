// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A client of a repository: the workflow of The Update Framework 1.0, sections 5.2 to
 * 5.7.
 *
 *     trusted root -> newer roots -> timestamp -> snapshot -> targets -> delegations
 *
 * Each step uses only what the steps before it verified, and each file is stored when
 * all was checked, and not before. So an update that fails leaves what was verified until
 * then: no step of it is undone, and none is unverified.
 *
 * Time is fixed when the client is opened. Errors name role and file, and say what
 * to do.
 */

#ifndef GRAFT_TRUST_CLIENT_H
#define GRAFT_TRUST_CLIENT_H

#include "base/cleanup.h"
#include "base/error.h"
#include "trust/document.h"
#include "trust/fetch.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Told of a root that was verified and is trusted from now on, before it is stored. One that is told of may
 * be told of again, where it could not be stored.
 */
typedef struct graft_error *
graft_client_root_fn(void *arg, const void *bytes, size_t len);

/** Where a client looks. All is borrowed until it is closed. */
struct graft_client_config {
	/** Directory of trusted metadata. */
	const char *metadata_dir;
	/** Where metadata files are, with or without a `/` at its end. */
	const char *metadata_url;
	struct graft_fetcher fetcher;
	/** Start of the update, Unix time in seconds. */
	int64_t now;
	/** NULL: nobody wants to know. */
	graft_client_root_fn *root_fn;
	void *root_arg;
};

/** A client. */
struct graft_client;

/**
 * Trust a root, the first step of all: no network.
 *
 * A root that is there already stays; only the same one may be given again.
 *
 * @param[in] dir Directory of trusted metadata; made if it is missing.
 * @param[in] bytes `root.json`, signed as it says itself; it may have expired.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_BAD_SIGNATURE;
 * #GRAFT_ERROR_REFUSED if another root is trusted there.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_client_init(const char *dir, const void *bytes, size_t len);

/**
 * Open a client, and load the trusted root: no network.
 *
 * @param[in] config Copied; what it points to is borrowed until the client is closed.
 * @param[out] ret New client; graft_client_close().
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if no root is trusted there;
 * #GRAFT_ERROR_EXPIRED if the clock cannot be right; others if the root is damaged.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_client_open(const struct graft_client_config *config,
		  struct graft_client **ret);

/**
 * Bring root, timestamp, snapshot and targets up to date. Done once for a client;
 * after that a no-op.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT, #GRAFT_ERROR_BAD_SIGNATURE,
 * #GRAFT_ERROR_ROLLBACK, #GRAFT_ERROR_EXPIRED, #GRAFT_ERROR_LIMIT for what is served;
 * #GRAFT_ERROR_NOT_FOUND, #GRAFT_ERROR_UNREACHABLE for what is not.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_client_refresh(struct graft_client *client);

/**
 * Find a target, through delegations where it must be. Refreshes first.
 *
 * @param[in] path Of the target, as metadata write it.
 * @param[out] ret Its object: `length`, `hashes`, perhaps `custom`. Good until the
 * next call.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if nobody who may says anything of it; those of
 * graft_client_refresh() for delegated roles.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_client_find(struct graft_client *client, const char *path,
		  const struct graft_node **ret);

/**
 * Check that targets may be put into a directory: not where metadata are trusted, or who
 * may sign a target `root.json` would say who is trusted.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_client_check_dir(const struct graft_client *client, const char *dir);

/**
 * Get a target, unless it is there already. Finds it first.
 *
 * @param[in] path Of the target.
 * @param[in] base_url Where targets are, with or without a `/` at its end.
 * @param[in] dir Directory that gets it, as graft_client_check_dir() asks; must be there. A path has the same file there
 * each time: graft_escape_file() without a suffix.
 * @param[out] ret Path of the file, which the caller frees.
 * @return As graft_client_find(); the file is as it was then.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_client_download(struct graft_client *client, const char *path,
		      const char *base_url, const char *dir, char **ret);

struct graft_metadata;

/** Called for a role of targets that was verified; its metadata are lent for the call. */
typedef struct graft_error *
graft_client_role_fn(void *arg, const char *role,
		     const struct graft_metadata *metadata);

/**
 * Go over `targets` and all roles that it leads to, each once. Refreshes first.
 *
 * A role is verified for the first delegator that leads to it.
 *
 * @return As graft_client_refresh(); #GRAFT_ERROR_LIMIT; that of @p fn.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_client_each_role(struct graft_client *client, graft_client_role_fn *fn,
		       void *arg);

/** Get the version of a role that was verified in this update; 0: it was not. */
uint64_t
graft_client_version(const struct graft_client *client, const char *role);

/** Close a client. NULL is a no-op. */
void
graft_client_close(struct graft_client *client);
GRAFT_DEFINE_CLEANUP(struct graft_client, graft_client_close)

#endif /* GRAFT_TRUST_CLIENT_H */
