// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * All releases of a repository, and the rules that they keep.
 *
 * Which release takes the place of which is said by `supersedes` and by nothing else: no number
 * is compared to find it out.
 */

#ifndef GRAFT_RELEASE_CATALOGUE_H
#define GRAFT_RELEASE_CATALOGUE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "release/release.h"

#include <stdbool.h>
#include <stddef.h>

/** Where releases are among the targets of a repository, and their files. */
#define GRAFT_RELEASE_PREFIX "releases/"
#define GRAFT_RELEASE_POOL   "pool/"

/** Releases. All zeroes is none. */
struct graft_catalogue {
	/** Owned; by their ids once graft_catalogue_check() saw them. */
	struct graft_release **list;
	size_t count;
	size_t cap;
};

/** Free what a catalogue owns. Also its guard. */
void
graft_catalogue_deinit(struct graft_catalogue *catalogue);

/** Add a release, which the catalogue owns then; on error, too. */
GRAFT_MUST_CHECK struct graft_error *
graft_catalogue_take(struct graft_catalogue *catalogue,
		     struct graft_release *release);

/** Say whether a path of a target is that of a release: "releases/ID.json". */
bool
graft_catalogue_is_path(const char *path);

/**
 * Decode a release and add it.
 *
 * @param[in] path Of the target: it must be that of the release's id.
 * @param[in] bytes Untrusted, of @p len bytes.
 * @return NULL; as graft_release_decode(), with the path.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_catalogue_decode(struct graft_catalogue *catalogue, const char *path,
		       const void *bytes, size_t len);

/** Find a release. @return NULL if there is none of this id. */
const struct graft_release *
graft_catalogue_find(const struct graft_catalogue *catalogue, const char *id);

/**
 * Check all rules (rules.def).
 *
 * @param[in] proven Modules of hotpatches must be `proven`.
 * @return NULL; #GRAFT_ERROR_REFUSED with rule, release, what is wrong, and how to mend it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_catalogue_check(struct graft_catalogue *catalogue, bool proven);

/** Say whether a release is superseded by one that is there. */
bool
graft_catalogue_is_superseded(const struct graft_catalogue *catalogue,
			      const char *id);

#endif /* GRAFT_RELEASE_CATALOGUE_H */
