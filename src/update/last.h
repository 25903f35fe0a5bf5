// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What the last looks for releases came to, for who asks later: graftd's status, and reports of compliance.
 *
 *     STATE/update/last.json    written by each `graft update` that is no dry run
 *
 * A look that failed leaves what the last good one said as it was.
 */

#ifndef GRAFT_UPDATE_LAST_H
#define GRAFT_UPDATE_LAST_H

#include "base/error.h"
#include "base/text.h"
#include "release/release.h"
#include "update/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Bytes of the file. */
	GRAFT_UPDATE_LAST_BYTES_MAX = 1 << 20,
	/** Releases that are remembered; the newest. */
	GRAFT_UPDATE_TAKEN_MAX = 64,
	GRAFT_UPDATE_WORD_LEN = 32,
};

/** A release that this device took. */
struct graft_update_taken {
	char id[GRAFT_UPDATE_WORD_LEN];
	/** Its line: "hotpatch". */
	char line[GRAFT_UPDATE_WORD_LEN];
	graft_level level;
	/** When: Unix time in seconds. */
	int64_t at;
	/** The disk stayed as it is: it ends with the boot in which it came. */
	bool memory_only;
	char boot_id[GRAFT_BOOT_ID_LEN];
};

/** What is remembered. All zeroes is a device that never looked. */
struct graft_update_last {
	/** The last look, and the last one that came to a decision: Unix times in seconds; 0: none. */
	int64_t at;
	int64_t good_at;
	/** Looks that failed since, and why the last of them did; NULL: none. Owned. */
	uint64_t failures;
	char *error;
	/** What the last good one said, as `graft update --json` prints it, without its lists of files if those
	 * are very long; NULL: none. Owned. */
	char *said;
	/** Of that: the level that the device should have; 0: not known. */
	graft_level target;
	struct graft_update_taken taken[GRAFT_UPDATE_TAKEN_MAX];
	size_t taken_count;
};

/** Free what is owned, and zero it. Also its guard. */
void
graft_update_last_deinit(struct graft_update_last *last);

/**
 * Decode a file.
 *
 * @param[in] bytes Untrusted, of @p len bytes.
 * @param[out] ret graft_update_last_deinit(), whatever the result.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_update_last_decode(const void *bytes, size_t len,
			 struct graft_update_last *ret);

/** Append it as a file. */
void
graft_update_last_encode(const struct graft_update_last *last,
			 struct graft_text *text);

/**
 * Read what is remembered in a state directory; nothing, if there is no file.
 *
 * @param[out] ret As graft_update_last_decode().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_update_last_read(const char *state_dir, struct graft_update_last *ret);

/**
 * Remember a look.
 *
 * @param[in] said JSON of what it said, of an object; NULL: it failed.
 * @param[in] why It failed; NULL: it did not.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_update_last_note(const char *said, const struct graft_error *why,
		       int64_t now);

/**
 * Remember that releases were taken. Those before a baseline are forgotten.
 *
 * @param[in] memory_only The disk stayed as it is.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_update_last_take(const struct graft_release *const *releases,
		       size_t count, bool memory_only, int64_t now);

#endif /* GRAFT_UPDATE_LAST_H */
