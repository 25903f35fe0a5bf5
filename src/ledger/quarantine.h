// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Hotpatches that are applied to nobody until somebody releases them: a process
 * crashed soon after it got one.
 *
 * They stand in a small file of the state directory, one a line, behind a line
 * that says what the file is:
 *
 *     graft-quarantine 2
 *     held ID TIME PID SIGNAL COMM OLD:NEW,OLD:NEW
 *     user ID TIME UID TAKEN PID SIGNAL COMM OLD:NEW,OLD:NEW
 *     released ID TIME
 *
 * ID is that of the hotpatch, TIME Unix time in microseconds, COMM the name of the process
 * (blanks and what is no text as '?'), OLD and NEW the SHA-256 of the files that the
 * hotpatch leads from and to, "-" if they are not known: the same change under another
 * id, which another version of graft gives it, is held too. What was released
 * stays in the file, for a revert before that time says nothing any more.
 *
 * What is held for a user is applied to no process of that one user; others keep
 * it. Reverts up to TAKEN are graftd's, who takes it out of his processes, and say
 * nothing either. A file without such lines is of format 1.
 *
 * A file that is damaged is an error: to go on without it would apply what crashed.
 */

#ifndef GRAFT_LEDGER_QUARANTINE_H
#define GRAFT_LEDGER_QUARANTINE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	/** Hex digits of the id of a hotpatch. */
	GRAFT_QUARANTINE_ID_LEN = 32,
	/** Entries of a file; changes of an entry. */
	GRAFT_QUARANTINE_MAX = 4096,
	GRAFT_QUARANTINE_CHANGES_MAX = 64,
	/** Entries for one user; the oldest go. */
	GRAFT_QUARANTINE_USER_MAX = 64,
};

/** As a time: not over yet. */
#define GRAFT_QUARANTINE_TAKING ((uint64_t)INT64_MAX)

/** What a hotpatch makes of a file. */
struct graft_quarantine_change {
	uint8_t old_sha256[GRAFT_SHA256_LEN];
	uint8_t new_sha256[GRAFT_SHA256_LEN];
};

/** One line. */
struct graft_quarantine_entry {
	char id[GRAFT_QUARANTINE_ID_LEN + 1];
	/** It was released at that time; what follows is empty then. */
	bool released;
	/** It is held for this user alone, who is not root. */
	bool of_user;
	uid_t uid;
	/** Reverts up to that time are graftd's; #GRAFT_QUARANTINE_TAKING: one is on. */
	uint64_t taken_us;
	/** Unix time. */
	uint64_t time_us;
	/** Who crashed, and by which signal. */
	pid_t pid;
	int signal;
	char comm[16];
	/** Owned by the quarantine. */
	struct graft_quarantine_change *changes;
	size_t change_count;
};

/** The file. */
struct graft_quarantine {
	struct graft_quarantine_entry *entries;
	size_t count;
};

/**
 * Decode a file.
 *
 * @param[in] text Untrusted, @p len bytes.
 * @param[in] name What errors call it.
 * @param[out] ret New; free with graft_quarantine_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT and #GRAFT_ERROR_LIMIT with the line.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_quarantine_parse(const char *text, size_t len, const char *name,
		       struct graft_quarantine **ret);

/** Append the file; it decodes to the same. */
void
graft_quarantine_print(const struct graft_quarantine *quarantine,
		       struct graft_text *text);

/** Read that of a state directory; without a file it is empty. As
 * graft_quarantine_parse(), and #GRAFT_ERROR_LEDGER if we may not read it. */
GRAFT_MUST_CHECK struct graft_error *
graft_quarantine_read(const char *state_dir, struct graft_quarantine **ret);

/** Write that of a state directory, which must be there. */
GRAFT_MUST_CHECK struct graft_error *
graft_quarantine_write(const char *state_dir,
		       const struct graft_quarantine *quarantine);

/** Free a quarantine. NULL is a no-op. */
void
graft_quarantine_free(struct graft_quarantine *quarantine);
GRAFT_DEFINE_CLEANUP(struct graft_quarantine, graft_quarantine_free)

/** Find the entry of a hotpatch for all, held or released, or NULL. */
const struct graft_quarantine_entry *
graft_quarantine_find(const struct graft_quarantine *quarantine,
		      const char *id);

/** Find the entry that holds a hotpatch for a user, or NULL. */
const struct graft_quarantine_entry *
graft_quarantine_find_user(const struct graft_quarantine *quarantine,
			   const char *id, uid_t uid);

/** Find the entry that holds a change of a file for all, or NULL. */
const struct graft_quarantine_entry *
graft_quarantine_find_change(const struct graft_quarantine *quarantine,
			     const struct graft_quarantine_change *change);

/**
 * Go over the entries that hold a hotpatch for single users, under its id or for what it
 * changes.
 *
 * @param[in] after The last one; NULL: the first is meant.
 * @param[in] changes What it does, @p count of them.
 * @return NULL: there is none any more.
 */
const struct graft_quarantine_entry *
graft_quarantine_next_user(const struct graft_quarantine *quarantine,
			   const struct graft_quarantine_entry *after,
			   const char *id,
			   const struct graft_quarantine_change *changes,
			   size_t count);

/** Say whether a revert of a hotpatch at a time says nothing of what is wanted: it was
 * released since, or graftd reverted it for one user. */
bool
graft_quarantine_excuses(const struct graft_quarantine *quarantine,
			 const char *id, uint64_t time_us);

/**
 * Hold a hotpatch, or release it: takes the place of what is said of it. For all it takes
 * the place of what is held for users, too.
 *
 * @param[in] entry Its changes are copied.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_quarantine_set(struct graft_quarantine *quarantine,
		     const struct graft_quarantine_entry *entry);

#endif /* GRAFT_LEDGER_QUARANTINE_H */
