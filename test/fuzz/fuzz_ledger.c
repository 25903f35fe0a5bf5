// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz the reader of the ledger. The first byte of the input chooses what the
 * rest is: 'f' a whole database, as somebody might have left it; else one row,
 * value by value, in a table that takes values of any type.
 *
 * A row is a list of values. Each begins with a byte: 'i' and 8 bytes, the
 * number; 't' or 'b', a length of two bytes and as many bytes, text or bytes;
 * anything else is NULL.
 */

#include "base/cursor.h"
#include "fuzz.h"
#include "ledger/row.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	COLUMNS = 17,
};

static const char make_table[] =
	"CREATE TABLE entry (id, time_us, finish_us, verb, outcome, pid, "
	"start_ticks, boot_id, comm, patch_id, module, build_id, header_addr, "
	"pause_us, function_count, note, header_len);";

static const char insert_row[] =
	"INSERT INTO entry (" GRAFT_ROW_COLUMNS GRAFT_ROW_HEADER_LEN
	") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

/** Again, by name: what graft_row_bind() does not bind comes as it was. */
static const char insert_again[] =
	"INSERT INTO entry (" GRAFT_ROW_COLUMNS GRAFT_ROW_HEADER_LEN
	") SELECT id, time_us, finish_us, :verb, outcome, :pid, :start_ticks, "
	":boot_id, :comm, :patch_id, :module, :build_id, :header_addr, "
	"pause_us, :function_count, note, :header_len FROM entry";

static const char select_rows[] =
	"SELECT " GRAFT_ROW_COLUMNS GRAFT_ROW_HEADER_LEN
	" FROM entry ORDER BY rowid";

static void
close_db(sqlite3 **db)
{
	(void)sqlite3_close(*db);
}

static void
finish_statement(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
}

static sqlite3_stmt *
prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;

	promise(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
	return statement;
}

static void
bind_value(sqlite3_stmt *statement, int at, struct graft_cursor *c)
{
	char kind = (char)graft_cursor_le(c, 1);
	size_t len;

	if (kind == 'i') {
		uint64_t value = graft_cursor_le(c, 8);
		promise(sqlite3_bind_int64(statement, at, (int64_t)value) ==
			SQLITE_OK);
		return;
	}
	if (kind != 't' && kind != 'b')
		return;
	len = graft_cursor_le(c, 2);
	const uint8_t *bytes = graft_cursor_take(c, len);
	if (!bytes)
		return;
	if (kind == 't')
		promise(sqlite3_bind_text(statement, at, (const char *)bytes,
					  (int)len,
					  SQLITE_TRANSIENT) == SQLITE_OK);
	else
		promise(sqlite3_bind_blob(statement, at, bytes, (int)len,
					  SQLITE_TRANSIENT) == SQLITE_OK);
}

static void
same_entry(const struct graft_ledger_entry *a,
	   const struct graft_ledger_entry *b)
{
	promise(a->id == b->id && a->time_us == b->time_us &&
		a->finish_us == b->finish_us && a->verb == b->verb &&
		a->outcome == b->outcome && a->pid == b->pid &&
		a->start_ticks == b->start_ticks &&
		a->header_addr == b->header_addr &&
		a->header_len == b->header_len && a->pause_us == b->pause_us &&
		a->function_count == b->function_count);
	promise(strcmp(a->boot_id, b->boot_id) == 0 &&
		strcmp(a->comm, b->comm) == 0 &&
		strcmp(a->patch_id, b->patch_id) == 0 &&
		strcmp(a->module, b->module) == 0 &&
		strcmp(a->build_id, b->build_id) == 0 &&
		strcmp(a->note, b->note) == 0);
}

/** What decodes is, bound and decoded again, the same. */
static void
check_row(sqlite3 *db, const struct graft_ledger_entry *entry)
{
	GRAFT_CLEANUP(graft_row_deinit)
	struct graft_ledger_entry again = { 0 };
	GRAFT_CLEANUP(finish_statement)
	sqlite3_stmt *insert = prepare(db, insert_again);

	must(graft_row_bind(insert, entry));
	promise(sqlite3_step(insert) == SQLITE_DONE);
	GRAFT_CLEANUP(finish_statement)
	sqlite3_stmt *select = prepare(db, select_rows);
	promise(sqlite3_step(select) == SQLITE_ROW);
	promise(sqlite3_step(select) == SQLITE_ROW);
	must(graft_row_decode(select, &again));
	same_entry(entry, &again);
}

static void
fuzz_row(const uint8_t *data, size_t size)
{
	struct graft_cursor c = graft_cursor_make(data, size);
	GRAFT_CLEANUP(graft_row_deinit)
	struct graft_ledger_entry entry = { 0 };
	GRAFT_CLEANUP(close_db) sqlite3 *db = NULL;

	promise(sqlite3_open(":memory:", &db) == SQLITE_OK);
	promise(sqlite3_exec(db, make_table, NULL, NULL, NULL) == SQLITE_OK);
	GRAFT_CLEANUP(finish_statement)
	sqlite3_stmt *insert = prepare(db, insert_row);
	for (int at = 1; at <= COLUMNS; at++)
		bind_value(insert, at, &c);
	if (sqlite3_step(insert) != SQLITE_DONE)
		return;
	GRAFT_CLEANUP(finish_statement)
	sqlite3_stmt *select = prepare(db, select_rows);
	promise(sqlite3_step(select) == SQLITE_ROW);
	struct graft_error *err = graft_row_decode(select, &entry);
	if (err)
		refused(err);
	else
		check_row(db, &entry);
}

/** Read a ledger, and write to what could be read. */
static void
use_ledger(const char *dir, bool readonly)
{
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = NULL;
	struct graft_ledger_query query = { 0 };
	struct graft_ledger_entry entry = {
		.verb = GRAFT_LEDGER_REVERT,
		.pid = 42,
		.start_ticks = 1,
	};
	int64_t id;
	struct graft_error *err = graft_ledger_open(dir, readonly, &ledger);

	if (!err)
		err = graft_ledger_find(ledger, &query, &list);
	if (!err && !readonly)
		err = graft_ledger_begin(ledger, &entry, &id);
	if (!err && !readonly)
		err = graft_ledger_finish(ledger, id, GRAFT_LEDGER_DONE, 1,
					  "note");
	if (err)
		refused(err);
}

static void
fuzz_file(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "ledger.db", "ledger.db-wal",
					     "ledger.db-shm",
					     "ledger.db-journal" };
	char dir[] = "/dev/shm/graft-fuzz.XXXXXX";
	char path[64];

	if (!mkdtemp(dir))
		return;
	(void)snprintf(path, sizeof(path), "%s/ledger.db", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	promise(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	promise(close(fd) == 0);
	use_ledger(dir, true);
	use_ledger(dir, false);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	promise(rmdir(dir) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'f')
		fuzz_file(data + 1, size - 1);
	else
		fuzz_row(data + 1, size - 1);
	return 0;
}
