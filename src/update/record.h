// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A cumulative update that is under way: it is on disk before a package changes, and outlives the restart.
 *
 *     STATE/restart/record        a few lines, read strictly
 *     STATE/restart/ID.json       the releases, as they were verified
 *     STATE/restart/pool/         packages that came with the releases, until they are installed
 *     STATE/restart/log           what apt-get said
 *
 *     installing --> waiting --> restarting --> (confirmed, gone)
 *
 * While it is `installing` packages change; each run goes on there. From `waiting` on all of them are
 * as the releases name them, and the host is to be restarted: another boot id than the one that is
 * written down says that it was.
 */

#ifndef GRAFT_UPDATE_RECORD_H
#define GRAFT_UPDATE_RECORD_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "release/catalogue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Releases of one update. */
	GRAFT_UPDATE_RELEASES_MAX = 64,
	/** Of a boot id, with its NUL. */
	GRAFT_BOOT_ID_LEN = 37,
};

enum graft_update_step {
	GRAFT_UPDATE_INSTALLING,
	GRAFT_UPDATE_WAITING,
	/** What restarts was run. */
	GRAFT_UPDATE_RESTARTING,
	GRAFT_UPDATE_STEPS,
};

/** What is written down. */
struct graft_update_record {
	enum graft_update_step step;
	/** Ids; owned. By ascending level. */
	struct graft_words releases;
	/** What the device has afterwards. 0: no baseline that is known. */
	graft_level baseline;
	graft_level level;
	/** When the packages were all there, and when what restarts was run last; Unix times in
	 * seconds, 0: not yet. */
	int64_t updated;
	int64_t asked;
	/** Of the boot in which the packages changed. */
	char boot_id[GRAFT_BOOT_ID_LEN];
	/** It may restart by itself: nobody cancelled it. */
	bool automatic;
};

/** An update under way, which nobody else changes meanwhile. */
struct graft_update_state;

/** Say whether there is a record: without a lock, for who only wants to know whether to look. */
bool
graft_update_state_is_there(void);

/**
 * Open the state.
 *
 * @param[out] ret New; graft_update_state_close().
 * @return NULL; #GRAFT_ERROR_REFUSED if somebody else is at work; #GRAFT_ERROR_BAD_INPUT if what
 * is there is damaged; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_update_state_open(struct graft_update_state **ret);

/** Close it. NULL is a no-op. */
void
graft_update_state_close(struct graft_update_state *state);
GRAFT_DEFINE_CLEANUP(struct graft_update_state, graft_update_state_close)

/** Get the record; NULL: nothing is under way. Lent until the state changes. */
struct graft_update_record *
graft_update_state_record(struct graft_update_state *state);

/** Get the releases of the record, by ascending level. Lent until the state changes. */
const struct graft_release *const *
graft_update_state_releases(const struct graft_update_state *state);

/** Get the path of the pool (update/pool.h). */
const char *
graft_update_state_pool(const struct graft_update_state *state);

/** Get the path of the log. */
const char *
graft_update_state_log(const struct graft_update_state *state);

/**
 * Begin an update: the releases first, then the record. One that was there is replaced.
 *
 * @param[in] releases Copied; by ascending level, 1 to #GRAFT_UPDATE_RELEASES_MAX.
 * @return NULL; then its step is `installing`. Fault points "update-begin", "update-begun".
 */
GRAFT_MUST_CHECK struct graft_error *
graft_update_state_begin(struct graft_update_state *state,
			 const struct graft_release *const *releases,
			 size_t count, graft_level baseline, graft_level level);

/** Write the record as it is now. Fault point "update-record". */
GRAFT_MUST_CHECK struct graft_error *
graft_update_state_put(struct graft_update_state *state);

/** Forget the update: the record first. Fault point "update-forget". */
GRAFT_MUST_CHECK struct graft_error *
graft_update_state_forget(struct graft_update_state *state);

/** Get the word for a step: "waiting". Static. */
const char *
graft_update_step_name(enum graft_update_step step);

/** Append a record as text. */
void
graft_update_record_encode(const struct graft_update_record *record,
			   struct graft_text *out);

/**
 * Read a record.
 *
 * @param[in] text Untrusted, of @p len bytes.
 * @param[out] ret graft_update_record_deinit().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT with the line.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_update_record_decode(const char *text, size_t len, const char *file,
			   struct graft_update_record *ret);

/** Free what a record owns, and zero it. */
void
graft_update_record_deinit(struct graft_update_record *record);

/** Read the id of this boot. */
GRAFT_MUST_CHECK struct graft_error *
graft_boot_id_read(char ret[GRAFT_BOOT_ID_LEN]);

#endif /* GRAFT_UPDATE_RECORD_H */
