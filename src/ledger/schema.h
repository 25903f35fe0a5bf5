// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The ledger's database: how it is opened, its format, its errors.
 *
 * Used inside this folder only. The format is one table:
 *
 *     entry(id, time_us, finish_us, verb, outcome, pid, start_ticks, boot_id,
 *           comm, patch_id, module, build_id, header_addr, pause_us,
 *           function_count, note, header_len)
 *
 * with `PRAGMA user_version` as the number of the format. Unsigned 64-bit values
 * (addresses, ticks) are stored as SQLite's signed ones with the same bits.
 *
 * Format 1 had no header_len. Whoever opens one for writing brings it to format
 * 2; who only reads takes it as it is.
 */

#ifndef GRAFT_LEDGER_SCHEMA_H
#define GRAFT_LEDGER_SCHEMA_H

#include "base/cleanup.h"
#include "base/error.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	/** Format that this program writes; it refuses newer ones. */
	GRAFT_LEDGER_FORMAT = 2,
	/** How long to wait for another writer, in milliseconds. */
	GRAFT_LEDGER_BUSY_MS = 10 * 1000,
};

/** Close a database connection. NULL is a no-op. */
void
graft_schema_close(sqlite3 *db);
GRAFT_DEFINE_CLEANUP(sqlite3, graft_schema_close)

/**
 * Open a database and bring it to our format.
 *
 * @param[in] path File; made if it does not exist, unless @p readonly.
 * @param[in] readonly Only read; the file exists.
 * @param[out] format_ret The format that it has now: the newest, unless
 * @p readonly.
 * @param[out] ret Connection; close with graft_schema_close(). NULL if
 * @p readonly and the file is empty: its writer is about to make the table.
 * @return NULL; #GRAFT_ERROR_LEDGER.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_schema_open(const char *path, bool readonly, int64_t *format_ret,
		  sqlite3 **ret);

/**
 * Make an error of what a connection last failed with. Says what can be done
 * about it.
 *
 * @param[in] db Connection, or NULL if there was no memory for one.
 * @param[in] what What was attempted: "read", "write".
 */
GRAFT_NOT_NULL
GRAFT_MUST_CHECK struct graft_error *
graft_schema_error(sqlite3 *db, const char *what);

#endif /* GRAFT_LEDGER_SCHEMA_H */
