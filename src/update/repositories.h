// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The repositories of a device: one, or several with keys of their own, and who of them has a say.
 *
 * Each has its directory, its root and its mirrors (update/source.h); none of them is told of what
 * another one trusts. What counts of what they say is found out by update/agreeing.h.
 *
 * Unless the first one that knows is enough, one that cannot be asked, or that serves what is
 * old, expired or not signed, ends the update: nothing is done behind its back. Where the first is
 * enough, such a one is left, and said.
 */

#ifndef GRAFT_UPDATE_REPOSITORIES_H
#define GRAFT_UPDATE_REPOSITORIES_H

#include "base/cleanup.h"
#include "base/error.h"
#include "update/agreeing.h"
#include "update/source.h"

#include <stddef.h>
#include <stdint.h>

/** Which repositories there are. Borrowed until they are closed. */
struct graft_repositories_config {
	/** From 1 on, in their order. */
	const struct graft_source_config *sources;
	/** As many. */
	const char *const *names;
	size_t count;
	struct graft_agreement agreement;
	/** Told of a repository that is left; NULL: nobody wants to know. */
	void (*say)(void *arg, const char *name, const struct graft_error *err);
	void *say_arg;
	/** Paths of directories of repositories that were known once; may lack. */
	const char *const *known_dirs;
	size_t known_dir_count;
};

/** Repositories whose metadata were verified; nobody else uses their directories meanwhile. */
struct graft_repositories;

/** What is known of one of them. */
struct graft_repository_state {
	/** Lent. */
	const char *name;
	/** That is used; NULL: it was left. */
	const char *url;
	/** Why it was left; NULL: it was not. */
	const char *why;
};

/**
 * Open them.
 *
 * @param[out] ret New; graft_repositories_close().
 * @return NULL; as graft_source_open(), with the name if there are several;
 * #GRAFT_ERROR_REFUSED if two of them are one, or one was known by another name.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repositories_open(const struct graft_repositories_config *config,
			struct graft_repositories **ret);

/**
 * Get all releases that count.
 *
 * @param[out] ret Lent until they are closed.
 * @return NULL; as graft_source_catalogue() and graft_agree().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repositories_catalogue(struct graft_repositories *repositories,
			     const struct graft_catalogue **ret);

/** Get what they do not agree about. Lent; after graft_repositories_catalogue(). */
const struct graft_agreed *
graft_repositories_agreed(const struct graft_repositories *repositories);

/**
 * See that a file of a release is listed as the release names it by all who must agree about that
 * release. To be asked of all files of a release before the first is fetched.
 *
 * @param[in] release Of their catalogue.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND, #GRAFT_ERROR_DIFFERENT name who does not.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repositories_check(struct graft_repositories *repositories,
			 const struct graft_release *release,
			 const struct graft_release_form *form);

/**
 * Get a file that was checked from the first repository that has it, unless it is there.
 *
 * @param[out] ret As for graft_source_fetch().
 * @return NULL; #GRAFT_ERROR_REFUSED if it was not checked; that of the last repository.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repositories_fetch(struct graft_repositories *repositories,
			 const struct graft_release *release,
			 const struct graft_release_form *form, char **ret);

/** Get how many there are. */
size_t
graft_repositories_count(const struct graft_repositories *repositories);

/** Get what is known of one. */
struct graft_repository_state
graft_repositories_state(const struct graft_repositories *repositories,
			 size_t i);

/** Get how many bytes of targets came. */
uint64_t
graft_repositories_bytes(const struct graft_repositories *repositories);

/** Remove files that are listed no more. After graft_repositories_catalogue(). */
GRAFT_MUST_CHECK struct graft_error *
graft_repositories_sweep(const struct graft_repositories *repositories);

/** Remove what came in part, when no file is wanted any more. */
void
graft_repositories_tidy(const struct graft_repositories *repositories);

/** Close them. NULL is a no-op. */
void
graft_repositories_close(struct graft_repositories *repositories);
GRAFT_DEFINE_CLEANUP(struct graft_repositories, graft_repositories_close)

#endif /* GRAFT_UPDATE_REPOSITORIES_H */
