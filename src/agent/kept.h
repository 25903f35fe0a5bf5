// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The hotpatches that are kept in the state directory: which of them are wanted.
 *
 * Of several for the same old file only the one that was worked with last counts. It is not
 * wanted if it is in quarantine, or if the last thing that was done with it
 * was a revert: somebody took it out. An older one does not come in its place.
 *
 * One beside which ID.here lies is wanted nowhere: not root alone chose its code.
 */

#ifndef GRAFT_AGENT_KEPT_H
#define GRAFT_AGENT_KEPT_H

#include "agent/answer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "ledger/ledger.h"
#include "ledger/quarantine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A hotpatch. */
struct graft_kept_patch {
	/** By which it is known for as long as graftd runs; never 0. */
	uint32_t serial;
	char id[GRAFT_QUARANTINE_ID_LEN + 1];
	/** It was asked what it is for; it is, if it could be read. */
	bool asked;
	bool known;
	struct graft_answer_patch what;
	/** Why it is not wanted. */
	bool here;
	bool held;
	bool withheld;
	/** When it was last worked with; when its file was made. */
	uint64_t last_us;
	uint64_t made_us;
	bool seen;
};

/** All of them. Zeroed: none. */
struct graft_kept {
	struct graft_kept_patch *patches;
	size_t count;
	size_t room;
	uint32_t last_serial;
	/** When the folder was changed. */
	uint64_t folder_us;
};

/** Free what it owns, and zero it. Also its guard. */
void
graft_kept_deinit(struct graft_kept *kept);

/**
 * Look which there are, if the folder has changed.
 *
 * @param[out] changed_ret There are others than before.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_kept_scan(struct graft_kept *kept, const char *state_dir,
		bool *changed_ret);

/** Find out which are wanted. @param[in] quarantine As it is now. */
GRAFT_MUST_CHECK struct graft_error *
graft_kept_refresh(struct graft_kept *kept, struct graft_ledger *ledger,
		   const struct graft_quarantine *quarantine);

/** Find one that nobody has asked what it is for, or NULL. */
struct graft_kept_patch *
graft_kept_unknown(struct graft_kept *kept);

/** Find one by its serial, or NULL. */
struct graft_kept_patch *
graft_kept_find(struct graft_kept *kept, uint32_t serial);

/** Find one by its id, or NULL. */
struct graft_kept_patch *
graft_kept_find_id(struct graft_kept *kept, const char *id);

/** Say whether any is for a file with this build-id. */
bool
graft_kept_has_build_id(const struct graft_kept *kept, const uint8_t *build_id,
			size_t len);

/** Find the one that is wanted in a file, or NULL. */
const struct graft_kept_patch *
graft_kept_wanted(const struct graft_kept *kept,
		  const uint8_t sha256[GRAFT_SHA256_LEN]);

#endif /* GRAFT_AGENT_KEPT_H */
