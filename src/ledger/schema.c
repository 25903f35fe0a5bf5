// SPDX-License-Identifier: Apache-2.0

#include "ledger/schema.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/** "Grft": `file` and we tell a ledger from another database by it. */
	APPLICATION_ID = 0x47726674,
	/** SQLite's smallest page: no database is shorter. */
	MIN_PAGE = 512,
	RETRY_US = 20 * 1000,
};

static const char make_format_1[] =
	"CREATE TABLE entry ("
	"id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"time_us INTEGER NOT NULL,"
	"finish_us INTEGER NOT NULL,"
	"verb INTEGER NOT NULL CHECK (verb IN (1, 2)),"
	"outcome INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 3),"
	"pid INTEGER NOT NULL CHECK (pid > 0),"
	"start_ticks INTEGER NOT NULL,"
	"boot_id TEXT NOT NULL,"
	"comm TEXT NOT NULL,"
	"patch_id TEXT NOT NULL,"
	"module TEXT NOT NULL,"
	"build_id TEXT NOT NULL,"
	"header_addr INTEGER NOT NULL,"
	"pause_us INTEGER NOT NULL,"
	"function_count INTEGER NOT NULL,"
	"note TEXT NOT NULL) STRICT;"
	"CREATE INDEX entry_open ON entry (id) WHERE outcome = 0;"
	"PRAGMA application_id = 1198679668;"
	"PRAGMA user_version = 1;";

static const char make_format_2[] =
	"ALTER TABLE entry ADD COLUMN header_len INTEGER NOT NULL DEFAULT 0;"
	"PRAGMA user_version = 2;";

_Static_assert(APPLICATION_ID == 1198679668, "the number in make_format_1");
_Static_assert(GRAFT_LEDGER_FORMAT == 2, "make_format_2 makes this format");

void
graft_schema_close(sqlite3 *db)
{
	// Fails only if statements are left, which would be our own mistake.
	(void)sqlite3_close_v2(db);
}

/** Whether an I/O error only means that no room is left. */
static bool
is_full(sqlite3 *db, int code)
{
	// The index of the log is made as large as needed before it is used.
	return code == SQLITE_IOERR_SHMSIZE ||
	       ((code & 0xff) == SQLITE_IOERR &&
		sqlite3_system_errno(db) == ENOSPC);
}

/** What a person can do about a result code; "" if nothing general. */
static const char *
advice(int code)
{
	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return "; move it away, a new one is made, and processes "
		       "themselves tell what was done to them";
	case SQLITE_FULL:
		return "; free some space in the state directory";
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return "; choose another with --state-dir";
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "; another graft is at work, try again";
	default:
		return "";
	}
}

struct graft_error *
graft_schema_error(sqlite3 *db, const char *what)
{
	if (!db)
		return graft_error_no_memory();
	int code = sqlite3_extended_errcode(db);
	if ((code & 0xff) == SQLITE_NOMEM)
		return graft_error_no_memory();
	const char *path = sqlite3_db_filename(db, "main");
	// One that could not be opened has no name.
	return graft_error_new(GRAFT_ERROR_LEDGER, "ledger%s%s: %s: %s%s",
			       path && *path ? " " : "", path ? path : "", what,
			       sqlite3_errmsg(db),
			       advice(is_full(db, code) ? SQLITE_FULL : code));
}

static struct graft_error *
run(sqlite3 *db, const char *sql, const char *what)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return graft_schema_error(db, what);
	return NULL;
}

/** Get the one number that a query yields. */
static struct graft_error *
query_number(sqlite3 *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		return graft_schema_error(db, "read");
	// A column is asked for only where there is a row: asking otherwise
	// replaces the connection's error.
	struct graft_error *err = NULL;
	if (sqlite3_step(statement) == SQLITE_ROW)
		*ret = sqlite3_column_int64(statement, 0);
	else
		err = graft_schema_error(db, "read");
	(void)sqlite3_finalize(statement);
	return err;
}

/**
 * Read which format a database has.
 *
 * @param[out] ret 0 if the database is empty.
 */
static struct graft_error *
read_format(sqlite3 *db, int64_t *ret)
{
	int64_t format = 0;
	int64_t application = 0;
	int64_t tables = 0;

	// One look at all three, or another process makes the table in between.
	struct graft_error *err = run(db, "SAVEPOINT format", "read");
	if (!err)
		err = query_number(db, "PRAGMA user_version", &format);
	if (!err)
		err = query_number(db, "PRAGMA application_id", &application);
	if (!err)
		err = query_number(db, "SELECT count(*) FROM sqlite_schema",
				   &tables);
	(void)sqlite3_exec(db, "RELEASE format", NULL, NULL, NULL);
	if (err)
		return err;

	const char *path = sqlite3_db_filename(db, "main");
	bool empty = format == 0 && application == 0 && tables == 0;
	if (!empty && application != APPLICATION_ID)
		return graft_error_new(GRAFT_ERROR_LEDGER,
				       "ledger %s: a database, but no ledger; "
				       "choose another with --state-dir",
				       path);
	if (format > GRAFT_LEDGER_FORMAT)
		return graft_error_new(GRAFT_ERROR_LEDGER,
				       "ledger %s: format %lld, newer than %d; "
				       "use the graft that made it",
				       path, (long long)format,
				       GRAFT_LEDGER_FORMAT);
	if (!empty && format < 1)
		return graft_error_new(GRAFT_ERROR_LEDGER,
				       "ledger %s: format %lld never was one; "
				       "move it away",
				       path, (long long)format);
	*ret = format;
	return NULL;
}

/**
 * Make the table, or bring an older one to our format; not what another process
 * did meanwhile.
 */
static struct graft_error *
make_format(sqlite3 *db)
{
	int64_t format = 0;

	struct graft_error *err = run(db, "BEGIN IMMEDIATE", "lock");
	if (err)
		return err;
	err = read_format(db, &format);
	if (!err && format < 1)
		err = run(db, make_format_1, "make");
	if (!err && format < 2)
		err = run(db, make_format_2, "make");
	if (!err)
		err = run(db, "COMMIT", "make");
	if (err)
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

/**
 * Switch to write-ahead logging. It needs the file alone for a moment, and
 * SQLite does not call the busy handler at every step of that.
 */
static struct graft_error *
use_wal(sqlite3 *db)
{
	uint64_t start = graft_clock_monotonic_us();

	for (;;) {
		int code = sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL,
					NULL, NULL);
		if (code == SQLITE_OK)
			return NULL;
		uint64_t waited = graft_clock_monotonic_us() - start;
		if ((code & 0xff) != SQLITE_BUSY ||
		    waited > (uint64_t)GRAFT_LEDGER_BUSY_MS * 1000)
			return graft_schema_error(db, "open");
		graft_clock_sleep_us(RETRY_US);
	}
}

/** Whether the first column of the row that a statement stands on is @p text. */
static bool
is_text(sqlite3_stmt *statement, const char *text)
{
	const char *got = (const char *)sqlite3_column_text(statement, 0);

	return got && strcmp(got, text) == 0;
}

/**
 * Look through the whole file before writing to it: an intent that lands in a
 * broken one would be lost when it is needed.
 */
static struct graft_error *
check_structure(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	struct graft_error *err = NULL;

	if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement,
			       NULL) != SQLITE_OK)
		return graft_schema_error(db, "check");
	if (sqlite3_step(statement) != SQLITE_ROW)
		err = graft_schema_error(db, "check");
	else if (!is_text(statement, "ok"))
		err = graft_error_new(GRAFT_ERROR_LEDGER,
				      "ledger %s: corrupt%s",
				      sqlite3_db_filename(db, "main"),
				      advice(SQLITE_CORRUPT));
	(void)sqlite3_finalize(statement);
	return err;
}

/** Make the file ourselves: private, and not through somebody's link. */
static struct graft_error *
make_file(const char *path)
{
	GRAFT_CLOSE int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
		     0600);

	if (fd < 0)
		return graft_error_new(
			GRAFT_ERROR_LEDGER, "ledger %s: open: %s%s", path,
			strerror(errno),
			advice(errno == ENOSPC ? SQLITE_FULL
					       : SQLITE_CANTOPEN));
	return NULL;
}

/** Refuse what SQLite takes for an empty database though it has bytes. */
static struct graft_error *
check_size(const char *path)
{
	struct stat st;

	// What else is wrong with the file, SQLite says better.
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    st.st_size < MIN_PAGE)
		return graft_error_new(GRAFT_ERROR_LEDGER,
				       "ledger %s: cut off after %lld bytes%s",
				       path, (long long)st.st_size,
				       advice(SQLITE_CORRUPT));
	return NULL;
}

static struct graft_error *
connect_db(const char *name, int flags, sqlite3 **ret)
{
	GRAFT_CLEANUP(graft_schema_closep) sqlite3 *db = NULL;

	int code = sqlite3_open_v2(name, &db, flags | SQLITE_OPEN_EXRESCODE,
				   NULL);
	if (code != SQLITE_OK)
		return graft_error_prefix(graft_schema_error(db, "open"), "%s",
					  name);
	// Nothing in the file, which may be hostile, makes SQL run or be read.
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_busy_timeout(db, GRAFT_LEDGER_BUSY_MS);
	*ret = GRAFT_TAKE(db);
	return NULL;
}

/** Open for reading; NULL through @p ret if there is no table yet. */
static struct graft_error *
open_readonly(const char *name, int flags, int64_t *format_ret, sqlite3 **ret)
{
	GRAFT_CLEANUP(graft_schema_closep) sqlite3 *db = NULL;
	int64_t format = 0;

	struct graft_error *err = connect_db(name, SQLITE_OPEN_READONLY | flags,
					     &db);
	if (!err)
		err = read_format(db, &format);
	if (err)
		return err;
	*format_ret = format;
	*ret = format == 0 ? NULL : GRAFT_TAKE(db);
	return NULL;
}

/**
 * The same for a directory that cannot be written. A reader of a write-ahead
 * log makes files beside it; where there is no log, the file is all there is.
 */
static struct graft_error *
open_immutable(const char *path, int64_t *format_ret, sqlite3 **ret)
{
	char *uri = sqlite3_mprintf("file:%s?immutable=1", path);

	if (!uri)
		return graft_error_no_memory();
	struct graft_error *err = open_readonly(uri, SQLITE_OPEN_URI,
						format_ret, ret);
	sqlite3_free(uri);
	return err;
}

/** Whether the log that belongs to a database exists. */
static bool
log_exists(const char *path)
{
	char *name = sqlite3_mprintf("%s-wal", path);
	bool exists = !name || access(name, F_OK) == 0 || errno != ENOENT;

	sqlite3_free(name);
	return exists;
}

static struct graft_error *
open_to_read(const char *path, int64_t *format_ret, sqlite3 **ret)
{
	struct graft_error *err = open_readonly(path, 0, format_ret, ret);

	// '?', '#' and '%' would mean something else in the URI.
	if (!err || graft_error_code(err) != GRAFT_ERROR_LEDGER ||
	    access(path, R_OK) < 0 || log_exists(path) || strpbrk(path, "?#%"))
		return err;
	graft_error_free(err);
	return open_immutable(path, format_ret, ret);
}

struct graft_error *
graft_schema_open(const char *path, bool readonly, int64_t *format_ret,
		  sqlite3 **ret)
{
	GRAFT_CLEANUP(graft_schema_closep) sqlite3 *db = NULL;
	int64_t format = 0;

	struct graft_error *err = check_size(path);
	if (err)
		return err;
	if (readonly)
		return open_to_read(path, format_ret, ret);

	err = make_file(path);
	if (!err)
		err = connect_db(path, SQLITE_OPEN_READWRITE, &db);
	// Asked first, so that a file that is none of ours stays as it is.
	if (!err)
		err = read_format(db, &format);
	if (!err)
		err = use_wal(db);
	if (!err)
		err = run(db,
			  "PRAGMA synchronous = FULL;"
			  "PRAGMA cell_size_check = ON",
			  "open");
	if (!err && format < GRAFT_LEDGER_FORMAT)
		err = make_format(db);
	if (!err)
		err = check_structure(db);
	if (err)
		return err;
	*format_ret = GRAFT_LEDGER_FORMAT;
	*ret = GRAFT_TAKE(db);
	return NULL;
}
