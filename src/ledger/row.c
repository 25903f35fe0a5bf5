// SPDX-License-Identifier: Apache-2.0

#include "ledger/row.h"

#include "base/limits.h"
#include "ledger/schema.h"

#include <stdlib.h>
#include <string.h>

#define SELECTION(which)                                                       \
	" FROM entry WHERE (:pid = 0 OR pid = :pid) "                          \
	"AND (:patch_id IS NULL OR patch_id = :patch_id) " which               \
	"AND (:after = 0 OR id > :after) ORDER BY id LIMIT :limit"
#define ANY  ""
#define OPEN "AND outcome = 0 "

/** By format, and whether only open entries are asked for: those have an index. */
static const char *const select_sql[2][2] = {
	{ "SELECT " GRAFT_ROW_COLUMNS GRAFT_ROW_HEADER_LEN_1 SELECTION(ANY),
	  "SELECT " GRAFT_ROW_COLUMNS GRAFT_ROW_HEADER_LEN_1 SELECTION(OPEN) },
	{ "SELECT " GRAFT_ROW_COLUMNS GRAFT_ROW_HEADER_LEN SELECTION(ANY),
	  "SELECT " GRAFT_ROW_COLUMNS GRAFT_ROW_HEADER_LEN SELECTION(OPEN) },
};

enum {
	NAME_MAX_LEN = 256,
	BUILD_ID_MAX_LEN = 128,
	/** No header page of any format is longer. */
	HEADER_MAX_LEN = 64 << 20,
};

/** Where the columns of #GRAFT_ROW_COLUMNS stand. */
enum column {
	ID,
	TIME_US,
	FINISH_US,
	VERB,
	OUTCOME,
	PID,
	START_TICKS,
	BOOT_ID,
	COMM,
	PATCH_ID,
	MODULE,
	BUILD_ID,
	HEADER_ADDR,
	PAUSE_US,
	FUNCTION_COUNT,
	NOTE,
	HEADER_LEN,
	COLUMN_COUNT,
};

const char *
graft_row_select_sql(int64_t format, bool open_only)
{
	return select_sql[format >= 2][open_only];
}

void
graft_row_deinit(struct graft_ledger_entry *entry)
{
	if (!entry)
		return;
	free(entry->boot_id);
	free(entry->comm);
	free(entry->patch_id);
	free(entry->module);
	free(entry->build_id);
	free(entry->note);
	*entry = (struct graft_ledger_entry){ 0 };
}

static struct graft_error *
bind_number(sqlite3_stmt *statement, const char *name, uint64_t value)
{
	int at = sqlite3_bind_parameter_index(statement, name);

	// Bits are kept: an address above 2^63 is stored as a negative number.
	if (sqlite3_bind_int64(statement, at, (int64_t)value) != SQLITE_OK)
		return graft_schema_error(sqlite3_db_handle(statement), "bind");
	return NULL;
}

static struct graft_error *
bind_string(sqlite3_stmt *statement, const char *name, const char *value,
	    size_t max)
{
	int at = sqlite3_bind_parameter_index(statement, name);
	const char *str = value ? value : "";
	size_t len = strlen(str);

	if (len > max)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "ledger: %s of %zu bytes, more than %zu",
				       name + 1, len, max);
	if (sqlite3_bind_text(statement, at, str, (int)len, SQLITE_STATIC) !=
	    SQLITE_OK)
		return graft_schema_error(sqlite3_db_handle(statement), "bind");
	return NULL;
}

struct graft_error *
graft_row_bind(sqlite3_stmt *statement, const struct graft_ledger_entry *entry)
{
	struct graft_error *err = bind_number(statement, ":verb", entry->verb);

	if (!err)
		err = bind_number(statement, ":pid", (uint64_t)entry->pid);
	if (!err)
		err = bind_number(statement, ":start_ticks",
				  entry->start_ticks);
	if (!err)
		err = bind_number(statement, ":header_addr",
				  entry->header_addr);
	if (!err)
		err = bind_number(statement, ":header_len", entry->header_len);
	if (!err)
		err = bind_number(statement, ":function_count",
				  entry->function_count);
	if (!err)
		err = bind_string(statement, ":boot_id", entry->boot_id,
				  NAME_MAX_LEN);
	if (!err)
		err = bind_string(statement, ":comm", entry->comm,
				  NAME_MAX_LEN);
	if (!err)
		err = bind_string(statement, ":patch_id", entry->patch_id,
				  NAME_MAX_LEN);
	if (!err)
		err = bind_string(statement, ":module", entry->module,
				  GRAFT_LIMIT_PATH);
	if (!err)
		err = bind_string(statement, ":build_id", entry->build_id,
				  BUILD_ID_MAX_LEN);
	return err;
}

/** Name row and column, so that a person finds them with sqlite3(1). */
GRAFT_NOT_NULL
static struct graft_error *
row_error(sqlite3_stmt *statement, enum column column, const char *what)
{
	sqlite3 *db = sqlite3_db_handle(statement);

	return graft_error_new(
		GRAFT_ERROR_LEDGER,
		"ledger %s: entry %lld: %s: %s; move it away, a new one is made",
		sqlite3_db_filename(db, "main"),
		(long long)sqlite3_column_int64(statement, ID),
		sqlite3_column_name(statement, (int)column), what);
}

static struct graft_error *
read_number(sqlite3_stmt *statement, enum column column, int64_t min,
	    int64_t max, int64_t *ret)
{
	if (sqlite3_column_type(statement, (int)column) != SQLITE_INTEGER)
		return row_error(statement, column, "not a number");
	int64_t value = sqlite3_column_int64(statement, (int)column);
	if (value < min || value > max)
		return row_error(statement, column, "out of range");
	*ret = value;
	return NULL;
}

static struct graft_error *
read_string(sqlite3_stmt *statement, enum column column, size_t max, char **ret)
{
	if (sqlite3_column_type(statement, (int)column) != SQLITE_TEXT)
		return row_error(statement, column, "not text");
	const char *str = (const char *)sqlite3_column_text(statement,
							    (int)column);
	if (!str)
		return graft_error_no_memory();
	size_t len = (size_t)sqlite3_column_bytes(statement, (int)column);
	if (len > max)
		return row_error(statement, column, "too long");
	if (memchr(str, '\0', len))
		return row_error(statement, column, "holds a NUL");
	char *copy = strdup(str);
	if (!copy)
		return graft_error_no_memory();
	*ret = copy;
	return NULL;
}

static struct graft_error *
read_numbers(sqlite3_stmt *statement, struct graft_ledger_entry *entry)
{
	static const struct {
		enum column column;
		int64_t min;
		int64_t max;
	} range[] = {
		{ ID, 1, INT64_MAX },
		{ TIME_US, 0, INT64_MAX },
		{ FINISH_US, 0, INT64_MAX },
		{ VERB, GRAFT_LEDGER_APPLY, GRAFT_LEDGER_REVERT },
		{ OUTCOME, GRAFT_LEDGER_OPEN, GRAFT_LEDGER_GONE },
		{ PID, 1, INT32_MAX },
		{ START_TICKS, INT64_MIN, INT64_MAX },
		{ HEADER_ADDR, INT64_MIN, INT64_MAX },
		{ HEADER_LEN, 0, HEADER_MAX_LEN },
		{ PAUSE_US, 0, INT64_MAX },
		{ FUNCTION_COUNT, 0, UINT32_MAX },
	};
	int64_t value[COLUMN_COUNT] = { 0 };

	for (size_t i = 0; i < sizeof(range) / sizeof(range[0]); i++) {
		struct graft_error *err =
			read_number(statement, range[i].column, range[i].min,
				    range[i].max, &value[range[i].column]);
		if (err)
			return err;
	}
	if ((value[OUTCOME] == GRAFT_LEDGER_OPEN) != (value[FINISH_US] == 0))
		return row_error(statement, FINISH_US,
				 "does not go with the outcome");
	entry->id = value[ID];
	entry->time_us = (uint64_t)value[TIME_US];
	entry->finish_us = (uint64_t)value[FINISH_US];
	entry->verb = (enum graft_ledger_verb)value[VERB];
	entry->outcome = (enum graft_ledger_outcome)value[OUTCOME];
	entry->pid = (pid_t)value[PID];
	entry->start_ticks = (uint64_t)value[START_TICKS];
	entry->header_addr = (uint64_t)value[HEADER_ADDR];
	entry->header_len = (uint64_t)value[HEADER_LEN];
	entry->pause_us = (uint64_t)value[PAUSE_US];
	entry->function_count = (uint32_t)value[FUNCTION_COUNT];
	return NULL;
}

struct graft_error *
graft_row_decode(sqlite3_stmt *statement, struct graft_ledger_entry *ret)
{
	GRAFT_CLEANUP(graft_row_deinit)
	struct graft_ledger_entry entry = { 0 };

	struct graft_error *err = read_numbers(statement, &entry);
	if (!err)
		err = read_string(statement, BOOT_ID, NAME_MAX_LEN,
				  &entry.boot_id);
	if (!err)
		err = read_string(statement, COMM, NAME_MAX_LEN, &entry.comm);
	if (!err)
		err = read_string(statement, PATCH_ID, NAME_MAX_LEN,
				  &entry.patch_id);
	if (!err)
		err = read_string(statement, MODULE, GRAFT_LIMIT_PATH,
				  &entry.module);
	if (!err)
		err = read_string(statement, BUILD_ID, BUILD_ID_MAX_LEN,
				  &entry.build_id);
	if (!err)
		err = read_string(statement, NOTE, GRAFT_LIMIT_NOTE,
				  &entry.note);
	if (err)
		return err;
	*ret = entry;
	entry = (struct graft_ledger_entry){ 0 };
	return NULL;
}
