// SPDX-License-Identifier: Apache-2.0

/** @file One row of the ledger to and from an entry. Inside this folder only. */

#ifndef GRAFT_LEDGER_ROW_H
#define GRAFT_LEDGER_ROW_H

#include "ledger/ledger.h"

#include <sqlite3.h>

/** The columns in the order in which graft_row_decode() reads them. */
#define GRAFT_ROW_COLUMNS                                                      \
	"id, time_us, finish_us, verb, outcome, pid, start_ticks, boot_id, "   \
	"comm, patch_id, module, build_id, header_addr, pause_us, "            \
	"function_count, note, "

/** What stands behind them: the column, or its value in format 1. */
#define GRAFT_ROW_HEADER_LEN   "header_len"
#define GRAFT_ROW_HEADER_LEN_1 "0 AS header_len"

/**
 * The statement that lists entries, oldest first, by :pid, :patch_id, :after and :limit.
 *
 * @param[in] format Format of the ledger.
 * @param[in] open_only Only those without outcome. There is an index of them, so that
 * a long ledger is not read.
 */
const char *
graft_row_select_sql(int64_t format, bool open_only);

/** Free what an entry owns, and zero it. */
void
graft_row_deinit(struct graft_ledger_entry *entry);

/**
 * Bind an entry to the parameters :verb, :pid, and so on, of a statement.
 *
 * @param[in] entry Strings must live until the statement is reset.
 * @return NULL; #GRAFT_ERROR_LIMIT if a string is longer than any real one;
 * #GRAFT_ERROR_LEDGER.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_row_bind(sqlite3_stmt *statement, const struct graft_ledger_entry *entry);

/**
 * Read the row that a statement stands on.
 *
 * Strict: every column must have its type and lie in its range.
 *
 * @param[in] statement Selects #GRAFT_ROW_COLUMNS and the header's length.
 * @param[out] ret The entry, owned by the caller; see graft_row_deinit().
 * @return NULL; #GRAFT_ERROR_LEDGER naming row and column;
 * #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_row_decode(sqlite3_stmt *statement, struct graft_ledger_entry *ret);

#endif /* GRAFT_LEDGER_ROW_H */
