// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A repository that is written: a directory in which what is live and what is being
 * prepared lie side by side.
 *
 *     DIR/public/metadata/   what clients read: N.ROLE.json, timestamp.json
 *     DIR/public/targets/    and its targets: a/HASH.b is the target a/b
 *     DIR/staged/metadata/   ROLE.json: the next version of a role, and who signed it so far
 *     DIR/staged/targets/    targets that are not public yet
 *     DIR/next/              only while something is published
 *
 * Only `public` is served. Roles of *content* (root, targets, delegated ones) are signed by
 * offline keys: each change of them is staged, signed by as many as the threshold asks for,
 * on as many machines as they like, and published together. Snapshot and timestamp are
 * signed by online keys; they list content and can say nothing of their own.
 *
 * What is live is read with the suspicion of a client: roots are a chain from the first
 * one, and a role counts in its highest version that its delegator's keys signed. So whoever can
 * write to the directory gets nothing of theirs signed by being built upon.
 *
 * An open repository is ours alone until it is closed. Each call leaves what is staged
 * whole; on error it is as it was, or some of the roles that the call was about are staged.
 */

#ifndef GRAFT_REPO_REPO_H
#define GRAFT_REPO_REPO_H

#include "base/cleanup.h"
#include "base/error.h"
#include "trust/signer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A repository. */
struct graft_repo;

/** Where a repository is. */
struct graft_repo_config {
	const char *dir;
	/**
	 * A root that is trusted, whatever the directory says: it must be one of the
	 * chain there. NULL: the chain is believed.
	 */
	const char *trusted_root;
	/** Do not look at what is staged: what is wrong there must not keep from a refresh. */
	bool live_only;
	/** Unix time in seconds. */
	int64_t now;
};

/** Keys at hand. Borrowed. */
struct graft_repo_keys {
	struct graft_signer *const *list;
	size_t count;
};

/** What a new repository says of a role. */
struct graft_repo_role_spec {
	struct graft_repo_keys keys;
	/** From 1 on, at most as many as there are keys. */
	uint64_t threshold;
	/** How long a version is good. */
	uint32_t days;
};

/** What a new repository is made of. */
struct graft_repo_spec {
	struct graft_repo_role_spec root;
	struct graft_repo_role_spec targets;
	struct graft_repo_role_spec snapshot;
	struct graft_repo_role_spec timestamp;
	/** Keys and days of bins; without keys those of targets. */
	struct graft_repo_role_spec bins;
	/**
	 * How many roles the targets are spread over by the hash of their path: a power
	 * of two, or 0.
	 */
	uint32_t bin_count;
};

/**
 * Make a repository: stages its first root, targets and bins, signed by those keys that
 * can sign.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED if there is one, or a key is to serve both for content
 * and online; #GRAFT_ERROR_BAD_INPUT for a threshold that cannot be met.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_create(const struct graft_repo_config *config,
		  const struct graft_repo_spec *spec);

/**
 * Open a repository, and clean up behind a publication that was cut off.
 *
 * @param[out] ret New; graft_repo_close().
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if there is none; #GRAFT_ERROR_REFUSED if somebody
 * keeps it; #GRAFT_ERROR_BAD_SIGNATURE, #GRAFT_ERROR_BAD_INPUT if what is live is not
 * what its owners signed.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_open(const struct graft_repo_config *config,
		struct graft_repo **ret);

/** Close a repository. NULL is a no-op. */
void
graft_repo_close(struct graft_repo *repo);
GRAFT_DEFINE_CLEANUP(struct graft_repo, graft_repo_close)

/** A target that is to be added. Borrowed. */
struct graft_repo_target {
	/** Where it is now; NULL: in memory. */
	const char *file;
	/** Its file is below this folder, where no link leads to; NULL: it is where it is. */
	const char *folder;
	const void *bytes;
	size_t len;
	/** Its path in the repository. */
	const char *path;
	/** The member `custom`, in JSON; NULL: none. */
	const char *custom;
};

/**
 * Stage targets: new ones, or in the place of those of the same path.
 *
 * @param[in] role Role that is to list them; NULL: the first that paths lead to.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT for a path that no target can have;
 * #GRAFT_ERROR_REFUSED if clients would not ask that role for it; #GRAFT_ERROR_NOT_FOUND.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_add(struct graft_repo *repo, const char *role,
	       const struct graft_repo_target *targets, size_t count);

/** Called for a target that is there or will be. The texts are lent for the call. */
typedef struct graft_error *
graft_repo_found_fn(void *arg, const char *path, uint64_t length,
		    const char *sha256);

/**
 * Go over the targets that are there or will be, of all roles.
 *
 * @param[in] prefix Only those whose path begins so.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_each_found(const struct graft_repo *repo, const char *prefix,
		      graft_repo_found_fn *fn, void *arg);

/**
 * Read a target, public or staged.
 *
 * @param[in] sha256 Digits; what has another hash is not it.
 * @param[out] bytes_ret New buffer that the caller frees.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_read_target(const struct graft_repo *repo, const char *path,
		       const char *sha256, uint64_t max, uint8_t **bytes_ret,
		       size_t *len_ret);

/** Stage that targets go. @return NULL; #GRAFT_ERROR_NOT_FOUND names one that is none. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_remove(struct graft_repo *repo, const char *const *paths,
		  size_t count);

/** A delegation that is to be made. */
struct graft_repo_delegation {
	/** Letters, digits, `-`, `_` and `.`. */
	const char *name;
	const char *const *patterns;
	size_t pattern_count;
	bool terminating;
	struct graft_repo_role_spec spec;
};

/** Stage that `targets` delegates to a new role. @return NULL; #GRAFT_ERROR_REFUSED. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_delegate(struct graft_repo *repo,
		    const struct graft_repo_delegation *delegation);

/** What is to be changed in who signs a role. */
struct graft_repo_rotation {
	struct graft_repo_keys add;
	/** Ids of keys, or how they begin. */
	const char *const *remove;
	size_t remove_count;
	/** 0: as it is. */
	uint64_t threshold;
	uint32_t days;
};

/**
 * Stage that other keys sign a role: in the root, or for a delegated role in `targets`.
 * What the role says is staged again if the new keys did not sign it.
 *
 * @param[in] role One of all; "bins": all bins.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_REFUSED.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_rotate(struct graft_repo *repo, const char *role,
		  const struct graft_repo_rotation *rotation);

/** Stage a role once more as it is, with a new time of expiry. "bins": all bins. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_renew(struct graft_repo *repo, const char *role);

/**
 * Throw away what is staged, whatever it is: also what cannot be loaded.
 *
 * @param[in] role Its name; NULL: everything, targets too.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_reset(const struct graft_repo_config *config, const char *role);

/**
 * Check that keys signed all that is staged and that they may sign: before more is staged
 * upon it and signed in one go, which would sign what somebody else put there.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED with what to do.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_check_seen(const struct graft_repo *repo,
		      const struct graft_repo_keys *keys);

/**
 * Sign what is staged with each key that may.
 *
 * @param[in] role NULL: all that is staged; a root must be named.
 * @param[out] count_ret How many signatures were added.
 * @return NULL; #GRAFT_ERROR_REFUSED if a key may sign nothing of it, or is one for content
 * and nothing guards it; #GRAFT_ERROR_NOT_FOUND if nothing is staged.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_sign(struct graft_repo *repo, const char *role,
		const struct graft_repo_keys *keys, size_t *count_ret);

/**
 * As graft_repo_sign(), but keys that may sign nothing of it are passed over: for whoever
 * stages and signs in one go.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_sign_if_may(struct graft_repo *repo,
		       const struct graft_repo_keys *keys);

/**
 * Take good signatures over what is staged from a file that somebody signed elsewhere.
 *
 * @param[in] bytes The staged file of a role, as the other one has it. Untrusted.
 * @param[out] count_ret How many signatures were new.
 * @return NULL; #GRAFT_ERROR_DIFFERENT if it says something else than what is staged.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_take_signatures(struct graft_repo *repo, const void *bytes,
			   size_t len, size_t *count_ret);

/**
 * Make what is staged live, all of it at once, with a new snapshot and timestamp.
 *
 * Who reads sees the old state or the new one, wherever this is killed.
 *
 * @param[in] keys Those of snapshot and timestamp.
 * @return NULL; #GRAFT_ERROR_BAD_SIGNATURE if somebody must still sign;
 * #GRAFT_ERROR_EXPIRED; #GRAFT_ERROR_BAD_INPUT if a target is not what is said of it;
 * #GRAFT_ERROR_NOT_FOUND if nothing is staged. Fault points "repo-targets", "repo-next",
 * "repo-exchange", "repo-exchanged".
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_publish(struct graft_repo *repo, const struct graft_repo_keys *keys);

/**
 * Sign a new timestamp for what is live, and a new snapshot if it is needed. What is staged
 * stays so.
 *
 * @param[in] keys Those of timestamp, and of snapshot if that is due.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_refresh(struct graft_repo *repo, const struct graft_repo_keys *keys);

#endif /* GRAFT_REPO_REPO_H */
