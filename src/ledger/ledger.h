// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What was done to whom: an SQLite database in the state directory.
 *
 * Intent first: graft_ledger_begin() is on disk (synced) before the first byte of
 * a process changes, graft_ledger_finish() writes the outcome. An entry without
 * outcome belongs to somebody who is still at work or was killed.
 *
 * The ledger knows nothing of how a process is changed. The live bytes of a
 * process are the truth; the ledger is the memory of who, when and why.
 */

#ifndef GRAFT_LEDGER_LEDGER_H
#define GRAFT_LEDGER_LEDGER_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** What is done to a process. Stored as these numbers. */
enum graft_ledger_verb {
	GRAFT_LEDGER_APPLY = 1,
	GRAFT_LEDGER_REVERT = 2,
};

/** How it ended. Stored as these numbers. */
enum graft_ledger_outcome {
	/** Intent only. */
	GRAFT_LEDGER_OPEN = 0,
	GRAFT_LEDGER_DONE = 1,
	/** Nothing was changed, or everything was put back. */
	GRAFT_LEDGER_UNDONE = 2,
	/** The process exited before the outcome was known. */
	GRAFT_LEDGER_GONE = 3,
};

/** One entry: one verb on one module of one process. */
struct graft_ledger_entry {
	/** Row number, ascending; 0 before it is written. */
	int64_t id;
	/** Unix time in microseconds. */
	uint64_t time_us;
	/** Outcome time, or 0. */
	uint64_t finish_us;
	enum graft_ledger_verb verb;
	enum graft_ledger_outcome outcome;
	pid_t pid;
	/** Start time of the process in clock ticks since boot. */
	uint64_t start_ticks;
	/** Boot it belongs to: /proc/sys/kernel/random/boot_id. */
	char *boot_id;
	char *comm;
	/** Id of the hotpatch. */
	char *patch_id;
	/** Path of the module in the process. */
	char *module;
	/** OLD build-id in hex. */
	char *build_id;
	/** Where the header page is, or 0. */
	uint64_t header_addr;
	/**
	 * How many bytes are mapped for it; 0 if an earlier format did not say.
	 * A header that was mapped and never written says nothing of itself.
	 */
	uint64_t header_len;
	/** Pause in microseconds; 0 while open. */
	uint64_t pause_us;
	uint32_t function_count;
	/** Why it was undone; "" if it was not. */
	char *note;
};

/** An open ledger. Several processes may have it open at once. */
struct graft_ledger;

/**
 * Open the ledger of a state directory; makes both if they do not exist.
 *
 * @param[in] state_dir Directory, mode 0700 when made.
 * @param[in] readonly Open an existing ledger for reading only; a ledger that
 * does not exist reads as empty.
 * @param[out] ret New handle; close with graft_ledger_close().
 * @return NULL; #GRAFT_ERROR_LEDGER (unreadable, corrupt, of a newer format).
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ledger_open(const char *state_dir, bool readonly,
		  struct graft_ledger **ret);

/** Close a ledger. NULL is a no-op. */
void
graft_ledger_close(struct graft_ledger *ledger);
GRAFT_DEFINE_CLEANUP(struct graft_ledger, graft_ledger_close)

/**
 * Write an intent, synced to disk.
 *
 * @param[in] entry Strings may be NULL ("" is stored). Its id, times and
 * outcome are ignored; the time is now.
 * @param[out] id_ret Row of the new entry.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ledger_begin(struct graft_ledger *ledger,
		   const struct graft_ledger_entry *entry, int64_t *id_ret);

/**
 * Write the outcome of an entry, synced to disk.
 *
 * @param[in] outcome Not #GRAFT_LEDGER_OPEN.
 * @param[in] note Why, or NULL.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ledger_finish(struct graft_ledger *ledger, int64_t id,
		    enum graft_ledger_outcome outcome, uint64_t pause_us,
		    const char *note);

/**
 * Write several intents, or several outcomes, as one: all of them or none.
 *
 * @param[in] intents They are intents: synced to disk, once. Outcomes are written as
 * graft_ledger_finish() writes one.
 * @param[in] fn Calls graft_ledger_begin() or graft_ledger_finish(), as often as it
 * wants to, with @p ctx. Nothing else is done with the ledger meanwhile.
 * @return NULL; what @p fn returned, and then nothing is written;
 * #GRAFT_ERROR_LEDGER.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ledger_together(struct graft_ledger *ledger, bool intents,
		      struct graft_error *(*fn)(void *ctx), void *ctx);

/** Which entries to list. Zeroes mean any. */
struct graft_ledger_query {
	pid_t pid;
	const char *patch_id;
	/** Only entries without outcome. */
	bool open_only;
	/** Only entries behind this row. */
	int64_t after;
};

/** A list of entries, oldest first. */
struct graft_ledger_list {
	struct graft_ledger_entry *entries;
	size_t count;
};

/**
 * List entries.
 *
 * @param[out] ret New list; free with graft_ledger_list_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ledger_find(struct graft_ledger *ledger,
		  const struct graft_ledger_query *query,
		  struct graft_ledger_list **ret);

/** The last thing that was done with a hotpatch, on any process. */
struct graft_ledger_last {
	/** 0: nothing was. */
	enum graft_ledger_verb verb;
	/** Unix time in microseconds. */
	uint64_t finish_us;
};

/**
 * Find the last thing that was done with a hotpatch, and not undone.
 *
 * @param[in] patch_id Its id.
 * @param[out] ret Zeroed if there is none.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ledger_find_last(struct graft_ledger *ledger, const char *patch_id,
		       struct graft_ledger_last *ret);

/** Find the number of the newest row; 0: there is none. */
GRAFT_MUST_CHECK struct graft_error *
graft_ledger_find_newest(struct graft_ledger *ledger, int64_t *ret);

/** Free a list. NULL is a no-op. */
void
graft_ledger_list_free(struct graft_ledger_list *list);
GRAFT_DEFINE_CLEANUP(struct graft_ledger_list, graft_ledger_list_free)

#endif /* GRAFT_LEDGER_LEDGER_H */
