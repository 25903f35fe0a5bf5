// SPDX-License-Identifier: Apache-2.0

/** @file Snapshot and timestamp, which online keys sign. Inside repo/ only. */

#ifndef GRAFT_REPO_ONLINE_H
#define GRAFT_REPO_ONLINE_H

#include "repo/repo_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A file that is to go out. */
struct graft_repo_online {
	struct graft_text bytes;
	uint64_t version;
};

/** Free what it owns. Also its guard. */
void
graft_repo_online_deinit(struct graft_repo_online *online);

/** What snapshot and timestamp are made of. */
struct graft_repo_state {
	/** Whose keys sign. */
	const struct graft_metadata *root;
	/** The root that clients have now; NULL: none. */
	const struct graft_metadata *root_before;
	/** List what is staged, too. */
	bool staged;
	/** For how many days a timestamp is good; 0: as the root says. */
	uint32_t timestamp_days;
};

/**
 * Make a snapshot of all roles.
 *
 * @param[in] unless_good Make none if the live one says the same and lasts.
 * @param[out] ret Without bytes if none is needed; its version is there anyway.
 * @return NULL; #GRAFT_ERROR_BAD_SIGNATURE if keys are missing; #GRAFT_ERROR_REFUSED if
 * somebody wrote a version that is none of ours.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_make_snapshot(struct graft_repo *repo,
			 const struct graft_repo_state *state,
			 const struct graft_repo_keys *keys, bool unless_good,
			 struct graft_repo_online *ret);

/** Make a timestamp of a snapshot. As graft_repo_make_snapshot(). */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_make_timestamp(struct graft_repo *repo,
			  const struct graft_repo_state *state,
			  const struct graft_repo_keys *keys,
			  const struct graft_repo_file *snapshot,
			  struct graft_repo_online *ret);

/** Read a live file of timestamp, or of snapshot in a version; none if it is not good. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_read_online(const struct graft_repo *repo,
		       enum graft_metadata_type type, uint64_t version,
		       const struct graft_metadata *root,
		       struct graft_repo_file *ret);

#endif /* GRAFT_REPO_ONLINE_H */
