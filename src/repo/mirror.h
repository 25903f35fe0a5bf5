// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A repository that is carried elsewhere: mirrored from a server, or through a bundle.
 *
 *     DIR/public/     served, as a repository that is written is (repo.h)
 *     DIR/trusted/    what the client of this mirror trusts
 *     DIR/partial/    targets that came in part, by their hash
 *     DIR/next/       only while metadata are exchanged
 *
 * Everything is verified as a client does, before it is made public: targets first, then the
 * metadata in one step. What is there already is not fetched again.
 */

#ifndef GRAFT_REPO_MIRROR_H
#define GRAFT_REPO_MIRROR_H

#include "base/cleanup.h"
#include "base/error.h"
#include "trust/client.h"
#include "trust/fetch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Where a mirror is, and where it gets things. Borrowed. */
struct graft_mirror_config {
	const char *dir;
	/** Path of a root that is trusted; only needed the first time. NULL: none. */
	const char *trusted_root;
	/** Of the repository: `metadata/` and `targets/` are below it. */
	const char *url;
	struct graft_fetcher fetcher;
	/** Unix time in seconds. */
	int64_t now;
	/** Told of each new root; NULL: nobody wants to know. */
	graft_client_root_fn *root_fn;
	void *root_arg;
};

/** What was done. */
struct graft_mirror_counts {
	size_t targets;
	/** Those that were not there. */
	size_t fetched;
	uint64_t bytes;
};

/** A mirror whose metadata were verified. */
struct graft_mirror;

/**
 * Bring a mirror up to date with a repository.
 *
 * Cut off anywhere, it serves what it served before, and the next run goes on.
 *
 * @param[out] ret What was done.
 * @return NULL; as graft_client_refresh() and graft_client_download();
 * #GRAFT_ERROR_NOT_FOUND if no root is trusted yet; #GRAFT_ERROR_UNSUPPORTED if the
 * repository has no consistent snapshots, or names that a server cannot carry.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_mirror_run(const struct graft_mirror_config *config,
		 struct graft_mirror_counts *ret);

/**
 * Open a mirror and verify the metadata that its fetcher has.
 *
 * @param[out] ret New; graft_mirror_close().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_mirror_open(const struct graft_mirror_config *config,
		  struct graft_mirror **ret);

/** Get how many targets there are. */
size_t
graft_mirror_count(const struct graft_mirror *mirror);

/** Get the path of a target, as some role lists it: whether that role may is not said. */
const char *
graft_mirror_target(const struct graft_mirror *mirror, size_t i);

/**
 * Find a target by its path, as a client does: of the roles that list it, the one counts that is
 * delegated the path and comes first.
 *
 * @param[out] ret Its index.
 * @return NULL; as graft_client_find().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_mirror_look_up(struct graft_mirror *mirror, const char *path,
		     size_t *ret);

/**
 * Ask whether a target, as graft_mirror_look_up() finds it, is a file of this length and SHA-256.
 *
 * @param[in] sha256 Lower-case digits.
 * @param[out] ret Also false if its SHA-256 is not said.
 * @return NULL; as graft_client_find().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_mirror_lists(struct graft_mirror *mirror, const char *path,
		   uint64_t length, const char *sha256, bool *ret);

/** Get the name under which a target lies: "a/HASH.b". */
const char *
graft_mirror_name(const struct graft_mirror *mirror, size_t i);

/**
 * Make the path of a target's file, whether it is there or not.
 *
 * @param[out] ret The caller frees it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_mirror_file(const struct graft_mirror *mirror, size_t i, char **ret);

/** Find a target by that name. @return Its index, or SIZE_MAX. */
size_t
graft_mirror_find(const struct graft_mirror *mirror, const char *name);

/**
 * Remove files of targets, whole or in part, that no role lists: once all that is said by whom
 * is verified. Nobody else is at work, for the mirror is open.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_mirror_sweep(const struct graft_mirror *mirror);

/** Get the length of a target. */
uint64_t
graft_mirror_length(const struct graft_mirror *mirror, size_t i);

/** Ask whether the file of a target is public already. */
bool
graft_mirror_has(const struct graft_mirror *mirror, size_t i);

/** Gives the bytes of a target from an offset on; an error ends it. */
typedef struct graft_error *
graft_mirror_source_fn(void *context, uint64_t offset, graft_fetch_sink_fn sink,
		       void *sink_context);

/**
 * Take the bytes of a target: measured while they come, and public if they are right.
 *
 * @param[in] resume What came before of it is used.
 * @return NULL; what the source says; #GRAFT_ERROR_BAD_INPUT, #GRAFT_ERROR_LIMIT if it is
 * not the target, and then nothing of it is kept.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_mirror_take(struct graft_mirror *mirror, size_t i, bool resume,
		  graft_mirror_source_fn *source, void *context);

/**
 * Fetch a target that is not there, by its URL; what came before of it is used.
 *
 * @param[in,out] bytes How many came is added, on error, too.
 * @return NULL; as graft_mirror_take(); #GRAFT_ERROR_UNREACHABLE, and then what came is kept.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_mirror_fetch(struct graft_mirror *mirror, size_t i, uint64_t *bytes);

/**
 * Make the metadata public: all targets are.
 *
 * @return NULL; #GRAFT_ERROR_NOT_FOUND names a target that is not.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_mirror_commit(struct graft_mirror *mirror);

/** Called for each file of metadata that a client may want, with its bytes. */
typedef struct graft_error *
graft_mirror_file_fn(void *arg, const char *name, const void *bytes,
		     size_t len);

/** Go over the metadata: roots, snapshot, roles, and the timestamp last. */
GRAFT_MUST_CHECK struct graft_error *
graft_mirror_each_file(struct graft_mirror *mirror, graft_mirror_file_fn *fn,
		       void *arg);

/** Close a mirror. NULL is a no-op. */
void
graft_mirror_close(struct graft_mirror *mirror);
GRAFT_DEFINE_CLEANUP(struct graft_mirror, graft_mirror_close)

#endif /* GRAFT_REPO_MIRROR_H */
