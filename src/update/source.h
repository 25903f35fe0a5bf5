// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where a device gets its releases from: a repository and its mirrors, in an order.
 *
 *     DIR/anchor.json    the root that the administrator gave
 *     DIR/trusted/       what is trusted now, as a mirror has it (repo/mirror.h)
 *     DIR/partial/       files that came in part
 *     DIR/public/        files that came, under their hashes
 *
 * A mirror that fails in any way (silence, an old state, a wrong signature, a file that is not what
 * was signed) is said and left, and the next one is asked. What is trusted is of the repository,
 * not of a mirror: one that serves an older state than another one did is found out.
 *
 * What is listed by whom counts as it does for any client: a delegated role says only what it
 * was delegated.
 */

#ifndef GRAFT_UPDATE_SOURCE_H
#define GRAFT_UPDATE_SOURCE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "release/catalogue.h"
#include "trust/fetch.h"

#include <stddef.h>
#include <stdint.h>

/** Told of a mirror that failed; there may be another one. */
typedef void
graft_source_say_fn(void *arg, const char *url, const struct graft_error *err);

/** Where things are. Borrowed until the source is closed. */
struct graft_source_config {
	/** In the state directory; made if it is missing. */
	const char *dir;
	/** Path of the root that is trusted first. */
	const char *trusted_root;
	/** URLs without `/` at their ends; at least one. */
	char *const *urls;
	size_t url_count;
	struct graft_fetcher fetcher;
	/** Unix time in seconds. */
	int64_t now;
	graft_source_say_fn *say;
	void *say_arg;
};

/** A source whose metadata were verified; nobody else uses the directory meanwhile. */
struct graft_source;

/**
 * Open a source: the first mirror whose metadata are right and not older than what was seen.
 *
 * @param[out] ret New; graft_source_close().
 * @return NULL; that of the last mirror; #GRAFT_ERROR_REFUSED if the administrator gave
 * another root than the first time, or somebody else is at work.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_source_open(const struct graft_source_config *config,
		  struct graft_source **ret);

/**
 * See that the root that the administrator gave is the one of the first time, or note it. No network;
 * graft_source_open() does it, too.
 *
 * @return NULL; #GRAFT_ERROR_REFUSED; #GRAFT_ERROR_NOT_FOUND if there is none and it is needed.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_source_anchor(const struct graft_source_config *config);

/** Get the URL that is used now. */
const char *
graft_source_url(const struct graft_source *source);

/** Get how many bytes of targets came. */
uint64_t
graft_source_bytes(const struct graft_source *source);

/**
 * Get all releases, and check their rules.
 *
 * @param[out] ret Empty; graft_catalogue_deinit(), whatever the result.
 * @return NULL; that of the last mirror; #GRAFT_ERROR_REFUSED if a rule is broken.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_source_catalogue(struct graft_source *source,
		       struct graft_catalogue *ret);

/**
 * See that the repository lists a file just as a release names it, with its length and SHA-256. Nothing
 * is fetched but metadata.
 *
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if it does not list it; #GRAFT_ERROR_BAD_INPUT if it is
 * another file; #GRAFT_ERROR_UNREACHABLE if no mirror was left.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_source_lists(struct graft_source *source,
		   const struct graft_release_form *form);

/**
 * Get a file of a release, unless it is there.
 *
 * @param[out] ret Path of the file, whose bytes are those that the release names; the caller frees
 * it. It is in the directory, and stays until graft_source_drop().
 * @return NULL; that of the last mirror; #GRAFT_ERROR_BAD_INPUT if the repository lists
 * another file than the release names.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_source_fetch(struct graft_source *source,
		   const struct graft_release_form *form, char **ret);

/** Remove a file that is no longer needed. */
void
graft_source_drop(const char *file);

/** Remove files that the repository does not list any more. After graft_source_catalogue(). */
GRAFT_MUST_CHECK struct graft_error *
graft_source_sweep(const struct graft_source *source);

/** Remove what came in part, when no file is wanted any more. */
void
graft_source_tidy(const struct graft_source *source);

/** Close a source. NULL is a no-op. */
void
graft_source_close(struct graft_source *source);
GRAFT_DEFINE_CLEANUP(struct graft_source, graft_source_close)

#endif /* GRAFT_UPDATE_SOURCE_H */
