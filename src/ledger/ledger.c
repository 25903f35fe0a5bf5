// SPDX-License-Identifier: Apache-2.0

#include "ledger/ledger.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/limits.h"
#include "ledger/row.h"
#include "ledger/schema.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct graft_ledger {
	/** NULL if opened for reading only and there is none. */
	sqlite3 *db;
	bool readonly;
	/** Within graft_ledger_together(), which chose how it is synced. */
	bool together;
	// Prepared when opened, so that a ledger without one of our columns is
	// refused before anything is done.
	sqlite3_stmt *insert;
	sqlite3_stmt *finish;
	sqlite3_stmt *select;
	/** Of entries without outcome: those have an index (entry_open). */
	sqlite3_stmt *select_open;
};

static const char insert_sql[] =
	"INSERT INTO entry (time_us, finish_us, verb, outcome, pid, "
	"start_ticks, boot_id, comm, patch_id, module, build_id, header_addr, "
	"header_len, pause_us, function_count, note) VALUES (:time_us, 0, :verb, 0, :pid, "
	":start_ticks, :boot_id, :comm, :patch_id, :module, :build_id, "
	":header_addr, :header_len, 0, :function_count, '')";

static const char finish_sql[] =
	"UPDATE entry SET outcome = :outcome, finish_us = :time_us, "
	"pause_us = :pause_us, note = :note WHERE id = :id AND outcome = 0";

static const char last_sql[] =
	"SELECT verb, finish_us FROM entry WHERE patch_id = ?1 AND outcome = 1 "
	"ORDER BY id DESC LIMIT 1";

/** Make a statement ready for its next use. Also a guard. */
static void
reset_statement(sqlite3_stmt **statement)
{
	(void)sqlite3_reset(*statement);
	(void)sqlite3_clear_bindings(*statement);
}

static int
parameter(sqlite3_stmt *statement, const char *name)
{
	int at = sqlite3_bind_parameter_index(statement, name);

	assert(at > 0);
	return at;
}

static struct graft_error *
prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret)
{
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret,
			       NULL) != SQLITE_OK)
		return graft_schema_error(db, "read");
	return NULL;
}

static struct graft_error *
prepare_all(struct graft_ledger *ledger, int64_t format)
{
	sqlite3 *db = ledger->db;
	struct graft_error *err = prepare(
		db, graft_row_select_sql(format, false), &ledger->select);

	if (!err)
		err = prepare(db, graft_row_select_sql(format, true),
			      &ledger->select_open);
	if (!err && !ledger->readonly)
		err = prepare(db, insert_sql, &ledger->insert);
	if (!err && !ledger->readonly)
		err = prepare(db, finish_sql, &ledger->finish);
	return err;
}

struct graft_error *
graft_ledger_open(const char *state_dir, bool readonly,
		  struct graft_ledger **ret)
{
	GRAFT_CLEANUP(graft_ledger_closep)
	struct graft_ledger *ledger = calloc(1, sizeof(*ledger));
	if (!ledger)
		return graft_error_no_memory();
	ledger->readonly = readonly;

	struct graft_error *err = readonly ? NULL
					   : graft_dir_make(state_dir, 0700);
	if (err && graft_error_code(err) != GRAFT_ERROR_NO_MEMORY) {
		struct graft_error *ours = graft_error_new(
			GRAFT_ERROR_LEDGER,
			"state directory: %s; choose another with --state-dir",
			graft_error_message(err));
		graft_error_free(err);
		return ours;
	}
	if (err)
		return err;

	GRAFT_FREE char *path = NULL;
	if (asprintf(&path, "%s/ledger.db", state_dir) < 0) {
		path = NULL;
		return graft_error_no_memory();
	}
	// Another error than "is not there" is left for the open to report.
	int64_t format = 0;
	bool absent = readonly && access(path, F_OK) < 0 &&
		      (errno == ENOENT || errno == ENOTDIR);
	if (!absent) {
		err = graft_schema_open(path, readonly, &format, &ledger->db);
		if (err)
			return err;
	}
	if (ledger->db) {
		err = prepare_all(ledger, format);
		if (err)
			return err;
	}
	*ret = GRAFT_TAKE(ledger);
	return NULL;
}

void
graft_ledger_close(struct graft_ledger *ledger)
{
	if (!ledger)
		return;
	(void)sqlite3_finalize(ledger->insert);
	(void)sqlite3_finalize(ledger->finish);
	(void)sqlite3_finalize(ledger->select);
	(void)sqlite3_finalize(ledger->select_open);
	graft_schema_close(ledger->db);
	free(ledger);
}

static struct graft_error *
require_writable(const struct graft_ledger *ledger)
{
	if (ledger->readonly)
		return graft_error_new(GRAFT_ERROR_LEDGER,
				       "ledger: opened for reading only");
	return NULL;
}

/** Run an UPDATE of one open entry; it must have met that entry. */
static struct graft_error *
update_open(struct graft_ledger *ledger, sqlite3_stmt *statement, int64_t id)
{
	if (sqlite3_step(statement) != SQLITE_DONE)
		return graft_schema_error(ledger->db, "write");
	if (sqlite3_changes(ledger->db) != 1)
		return graft_error_new(
			GRAFT_ERROR_NOT_FOUND, "ledger %s: no open entry %lld",
			sqlite3_db_filename(ledger->db, "main"), (long long)id);
	return NULL;
}

/**
 * Choose whether what is written next is on disk when it is done. An outcome need not
 * be: a kill of ours leaves it to the kernel, which has it, and of a host that loses
 * power no process is left, so that an entry of it that stays open says no wrong.
 * The next intent takes it along, and so does the end of the command.
 */
GRAFT_MUST_CHECK static struct graft_error *
set_synchronous(struct graft_ledger *ledger, bool full)
{
	if (sqlite3_exec(ledger->db,
			 full ? "PRAGMA synchronous = FULL"
			      : "PRAGMA synchronous = NORMAL",
			 NULL, NULL, NULL) != SQLITE_OK)
		return graft_schema_error(ledger->db, "set up");
	return NULL;
}

/** Keep the first of two errors. */
static struct graft_error *
first_of(struct graft_error *err, struct graft_error *more)
{
	if (!err)
		return more;
	graft_error_free(more);
	return err;
}

struct graft_error *
graft_ledger_begin(struct graft_ledger *ledger,
		   const struct graft_ledger_entry *entry, int64_t *id_ret)
{
	assert(entry->verb == GRAFT_LEDGER_APPLY ||
	       entry->verb == GRAFT_LEDGER_REVERT);
	assert(entry->pid > 0);

	struct graft_error *err = require_writable(ledger);
	if (!err)
		err = graft_fault("ledger-begin");
	if (err)
		return err;

	GRAFT_CLEANUP(reset_statement) sqlite3_stmt *insert = ledger->insert;
	err = graft_row_bind(insert, entry);
	if (err)
		return err;
	(void)sqlite3_bind_int64(insert, parameter(insert, ":time_us"),
				 (int64_t)graft_clock_now_us());
	if (sqlite3_step(insert) != SQLITE_DONE)
		return graft_schema_error(ledger->db, "write");
	int64_t id = sqlite3_last_insert_rowid(ledger->db);

	err = graft_fault("ledger-begun");
	if (err)
		return err;
	*id_ret = id;
	return NULL;
}

struct graft_error *
graft_ledger_finish(struct graft_ledger *ledger, int64_t id,
		    enum graft_ledger_outcome outcome, uint64_t pause_us,
		    const char *note)
{
	assert(outcome > GRAFT_LEDGER_OPEN && outcome <= GRAFT_LEDGER_GONE);
	assert(pause_us <= INT64_MAX);

	struct graft_error *err = require_writable(ledger);
	if (!err)
		err = graft_fault("ledger-finish");
	if (err)
		return err;

	GRAFT_CLEANUP(reset_statement) sqlite3_stmt *finish = ledger->finish;
	// The outcome matters more than the end of a long note.
	int note_len = (int)strnlen(note ? note : "", GRAFT_LIMIT_NOTE);
	(void)sqlite3_bind_int64(finish, parameter(finish, ":id"), id);
	(void)sqlite3_bind_int(finish, parameter(finish, ":outcome"),
			       (int)outcome);
	(void)sqlite3_bind_int64(finish, parameter(finish, ":time_us"),
				 (int64_t)graft_clock_now_us());
	(void)sqlite3_bind_int64(finish, parameter(finish, ":pause_us"),
				 (int64_t)pause_us);
	if (sqlite3_bind_text(finish, parameter(finish, ":note"),
			      note ? note : "", note_len,
			      SQLITE_STATIC) != SQLITE_OK)
		return graft_schema_error(ledger->db, "bind");
	err = ledger->together ? NULL : set_synchronous(ledger, false);
	if (!err)
		err = update_open(ledger, finish, id);
	if (!ledger->together)
		err = first_of(err, set_synchronous(ledger, true));
	return err ? err : graft_fault("ledger-finished");
}

/** Run a statement that has no result. */
GRAFT_MUST_CHECK static struct graft_error *
execute(struct graft_ledger *ledger, const char *sql)
{
	if (sqlite3_exec(ledger->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return graft_schema_error(ledger->db, "write");
	return NULL;
}

/** Begin, let somebody write, and end. */
GRAFT_MUST_CHECK static struct graft_error *
transact(struct graft_ledger *ledger, struct graft_error *(*fn)(void *ctx),
	 void *ctx)
{
	// At once for writing: one that first reads may find that another wrote
	// meanwhile, and then no waiting helps it.
	struct graft_error *err = execute(ledger, "BEGIN IMMEDIATE");
	if (err)
		return err;
	ledger->together = true;
	err = fn(ctx);
	ledger->together = false;
	if (!err)
		err = execute(ledger, "COMMIT");
	// An error may have rolled it back already; then this fails.
	if (err)
		(void)sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

struct graft_error *
graft_ledger_together(struct graft_ledger *ledger, bool intents,
		      struct graft_error *(*fn)(void *ctx), void *ctx)
{
	struct graft_error *err = require_writable(ledger);

	assert(!ledger->together);
	if (!err && !intents)
		err = set_synchronous(ledger, false);
	if (!err)
		err = transact(ledger, fn, ctx);
	return intents ? err : first_of(err, set_synchronous(ledger, true));
}

static struct graft_error *
append_row(struct graft_ledger_list *list, size_t *room,
	   sqlite3_stmt *statement)
{
	if (list->count == *room) {
		size_t more = *room ? 2 * *room : 16;
		void *entries = reallocarray(list->entries, more,
					     sizeof(*list->entries));
		if (!entries)
			return graft_error_no_memory();
		list->entries = entries;
		*room = more;
	}
	struct graft_error *err = graft_row_decode(statement,
						   &list->entries[list->count]);
	if (err)
		return err;
	list->count++;
	return NULL;
}

static struct graft_error *
select_rows(struct graft_ledger *ledger, sqlite3_stmt *select,
	    struct graft_ledger_list *list)
{
	size_t room = 0;

	for (;;) {
		int code = sqlite3_step(select);
		if (code == SQLITE_DONE)
			return NULL;
		if (code != SQLITE_ROW)
			return graft_schema_error(ledger->db, "read");
		if (list->count == GRAFT_LIMIT_LEDGER_ENTRIES)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "ledger: more entries than %zu",
					       list->count);
		struct graft_error *err = append_row(list, &room, select);
		if (err)
			return err;
	}
}

struct graft_error *
graft_ledger_find(struct graft_ledger *ledger,
		  const struct graft_ledger_query *query,
		  struct graft_ledger_list **ret)
{
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = calloc(1, sizeof(*list));
	if (!list)
		return graft_error_no_memory();

	if (ledger->db) {
		GRAFT_CLEANUP(reset_statement)
		sqlite3_stmt *select = query->open_only ? ledger->select_open
							: ledger->select;
		(void)sqlite3_bind_int(select, parameter(select, ":pid"),
				       query->pid);
		(void)sqlite3_bind_int64(select, parameter(select, ":after"),
					 query->after);
		(void)sqlite3_bind_int64(select, parameter(select, ":limit"),
					 (int64_t)GRAFT_LIMIT_LEDGER_ENTRIES +
						 1);
		if (sqlite3_bind_text(select, parameter(select, ":patch_id"),
				      query->patch_id, -1,
				      SQLITE_STATIC) != SQLITE_OK)
			return graft_schema_error(ledger->db, "bind");
		struct graft_error *err = select_rows(ledger, select, list);
		if (err)
			return err;
	}
	*ret = GRAFT_TAKE(list);
	return NULL;
}

void
graft_ledger_list_free(struct graft_ledger_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		graft_row_deinit(&list->entries[i]);
	free(list->entries);
	free(list);
}

struct graft_error *
graft_ledger_find_last(struct graft_ledger *ledger, const char *patch_id,
		       struct graft_ledger_last *ret)
{
	sqlite3_stmt *statement = NULL;

	*ret = (struct graft_ledger_last){ 0 };
	if (!ledger->db)
		return NULL;
	struct graft_error *err = prepare(ledger->db, last_sql, &statement);
	if (err)
		return err;
	int done = sqlite3_bind_text(statement, 1, patch_id, -1,
				     SQLITE_TRANSIENT);
	if (done == SQLITE_OK)
		done = sqlite3_step(statement);
	if (done == SQLITE_ROW) {
		ret->verb = (enum graft_ledger_verb)sqlite3_column_int(
			statement, 0);
		ret->finish_us = (uint64_t)sqlite3_column_int64(statement, 1);
	} else if (done != SQLITE_DONE) {
		err = graft_schema_error(ledger->db, "read");
	}
	(void)sqlite3_finalize(statement);
	return err;
}

struct graft_error *
graft_ledger_find_newest(struct graft_ledger *ledger, int64_t *ret)
{
	sqlite3_stmt *statement = NULL;

	*ret = 0;
	if (!ledger->db)
		return NULL;
	struct graft_error *err =
		prepare(ledger->db, "SELECT coalesce(max(id), 0) FROM entry",
			&statement);
	if (err)
		return err;
	if (sqlite3_step(statement) == SQLITE_ROW)
		*ret = sqlite3_column_int64(statement, 0);
	else
		err = graft_schema_error(ledger->db, "read");
	(void)sqlite3_finalize(statement);
	return err;
}
