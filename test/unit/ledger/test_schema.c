// SPDX-License-Identifier: Apache-2.0

// Ledgers that are broken, hostile, of another time, or in a bad place.

#include "ledger/ledger.h"

#include "../folder.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cmocka.h>

/** As leave_directory(); where a test mounted something, it goes first. */
static int
leave_mounts(void **state)
{
	(void)umount2("mount", MNT_DETACH);
	return leave_directory(state);
}

/** The error is one line of the ledger's that holds @p words. */
static void
must_fail_saying(struct graft_error *err, const char *words)
{
	assert_non_null(err);
	const char *message = graft_error_message(err);
	if (graft_error_code(err) != GRAFT_ERROR_LEDGER ||
	    !strstr(message, words) || strchr(message, '\n'))
		fail_msg("\"%s\" says nothing of \"%s\"", message, words);
	graft_error_free(err);
}

static void
open_both_must_fail_saying(const char *words)
{
	struct graft_ledger *ledger = NULL;

	must_fail_saying(graft_ledger_open(".", false, &ledger), words);
	must_fail_saying(graft_ledger_open(".", true, &ledger), words);
	assert_null(ledger);
}

/** Begin and finish @p count entries. */
static struct graft_error *
write_entries(const char *dir, int count)
{
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	struct graft_ledger_entry entry = {
		.verb = GRAFT_LEDGER_APPLY,
		.pid = 1,
		.module = (char *)"/usr/lib/libz.so.1",
	};
	int64_t id = 0;

	struct graft_error *err = graft_ledger_open(dir, false, &ledger);
	for (int i = 0; !err && i < count; i++) {
		err = graft_ledger_begin(ledger, &entry, &id);
		if (!err)
			err = graft_ledger_finish(ledger, id, GRAFT_LEDGER_DONE,
						  0, "note");
	}
	return err;
}

static struct graft_error *
count_entries(const char *dir, size_t *ret)
{
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = NULL;

	struct graft_error *err = graft_ledger_open(dir, true, &ledger);
	if (!err)
		err = graft_ledger_find(
			ledger, &(struct graft_ledger_query){ 0 }, &list);
	if (!err)
		*ret = list->count;
	return err;
}

static void
run_sql(const char *sql)
{
	sqlite3 *db = NULL;
	char *message = NULL;

	assert_int_equal(sqlite3_open("ledger.db", &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s", message);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
a_file_that_is_no_database_is_refused_and_kept(void **state)
{
	(void)state;
	char text[5000];
	struct stat st;

	memset(text, 'x', sizeof(text));
	must(graft_file_write("ledger.db", text, sizeof(text), 0600));
	open_both_must_fail_saying("move it away");
	assert_int_equal(stat("ledger.db", &st), 0);
	assert_int_equal(st.st_size, sizeof(text));
}

static void
a_ledger_with_overwritten_pages_is_refused(void **state)
{
	(void)state;
	must(write_entries(".", 200));
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	must(graft_file_read("ledger.db", 1 << 24, &bytes, &len));
	assert_true(len >= 5 * 4096);

	// Each page but the first, one after the other. A page that holds
	// nothing may go unnoticed; then all entries must still be there.
	size_t noticed = 0;
	for (size_t off = 4096; off + 4096 <= len; off += 4096) {
		GRAFT_FREE uint8_t *bad = malloc(len);
		memcpy(bad, bytes, len);
		memset(bad + off, 0xa5, 4096);
		must(graft_file_write("ledger.db", bad, len, 0600));
		struct graft_ledger *ledger = NULL;
		struct graft_error *err = graft_ledger_open(".", false,
							    &ledger);
		if (err) {
			must_fail_saying(err, "move it away");
			noticed++;
			continue;
		}
		graft_ledger_close(ledger);
		size_t count = 0;
		must(count_entries(".", &count));
		assert_int_equal(count, 200);
	}
	assert_true(noticed >= 3);
}

static void
a_truncated_ledger_is_refused(void **state)
{
	(void)state;
	must(write_entries(".", 200));
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	must(graft_file_read("ledger.db", 1 << 24, &bytes, &len));

	for (size_t cut = 1; cut < len; cut += 1500) {
		must(graft_file_write("ledger.db", bytes, cut, 0600));
		struct graft_ledger *ledger = NULL;
		must_fail_saying(graft_ledger_open(".", false, &ledger),
				 "move it away");
		size_t count = 0;
		struct graft_error *err = count_entries(".", &count);
		if (err)
			must_fail_saying(err, "ledger");
		else
			assert_int_equal(count, 200);
	}
}

static void
a_newer_format_is_refused(void **state)
{
	(void)state;
	must(write_entries(".", 1));
	run_sql("PRAGMA user_version = 3");
	open_both_must_fail_saying("format 3, newer than 2");
	run_sql("PRAGMA user_version = -1");
	open_both_must_fail_saying("format -1");
	run_sql("PRAGMA user_version = 2");
	size_t count = 0;
	must(count_entries(".", &count));
	assert_int_equal(count, 1);
}

/** What the ledger's first format was. */
static const char format_1[] =
	"CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"time_us INTEGER NOT NULL, finish_us INTEGER NOT NULL,"
	"verb INTEGER NOT NULL, outcome INTEGER NOT NULL,"
	"pid INTEGER NOT NULL, start_ticks INTEGER NOT NULL,"
	"boot_id TEXT NOT NULL, comm TEXT NOT NULL, patch_id TEXT NOT NULL,"
	"module TEXT NOT NULL, build_id TEXT NOT NULL,"
	"header_addr INTEGER NOT NULL, pause_us INTEGER NOT NULL,"
	"function_count INTEGER NOT NULL, note TEXT NOT NULL) STRICT;"
	"INSERT INTO entry VALUES (7, 5, 0, 1, 0, 77, 1, 'b', 'c', 'p', 'm',"
	"'i', 4096, 0, 0, '');"
	"PRAGMA application_id = 1198679668; PRAGMA user_version = 1";

static void
check_old_entry(struct graft_ledger *ledger)
{
	struct graft_ledger_query query = { .open_only = true };
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = NULL;

	must(graft_ledger_find(ledger, &query, &list));
	assert_int_equal(list->count, 1);
	assert_int_equal(list->entries[0].id, 7);
	assert_int_equal(list->entries[0].header_addr, 4096);
	assert_int_equal(list->entries[0].header_len, 0);
}

static void
the_first_format_is_read_as_it_is_and_written_as_the_second(void **state)
{
	(void)state;
	struct graft_ledger *ledger = NULL;
	int64_t id;
	struct graft_ledger_entry entry = {
		.verb = GRAFT_LEDGER_APPLY,
		.pid = 5,
		.header_addr = 8192,
		.header_len = 12288,
	};

	run_sql(format_1);
	for (int i = 0; i < 2; i++) {
		must(graft_ledger_open(".", true, &ledger));
		check_old_entry(ledger);
		graft_ledger_close(ledger);
	}
	must(graft_ledger_open(".", false, &ledger));
	check_old_entry(ledger);
	must(graft_ledger_finish(ledger, 7, GRAFT_LEDGER_DONE, 1, NULL));
	must(graft_ledger_begin(ledger, &entry, &id));
	assert_true(id > 7);
	struct graft_ledger_query query = { .pid = 5 };
	struct graft_ledger_list *list = NULL;
	must(graft_ledger_find(ledger, &query, &list));
	assert_int_equal(list->count, 1);
	assert_int_equal(list->entries[0].header_len, 12288);
	graft_ledger_list_free(list);
	graft_ledger_close(ledger);
	// A second time there is nothing to bring up.
	must(graft_ledger_open(".", false, &ledger));
	graft_ledger_close(ledger);
}

static void
somebody_elses_database_is_refused_and_kept(void **state)
{
	(void)state;
	run_sql("CREATE TABLE t (a); INSERT INTO t VALUES (1);"
		"PRAGMA user_version = 1");
	open_both_must_fail_saying("no ledger");
	run_sql("INSERT INTO t VALUES (2)");
}

static void
a_ledger_without_its_table_or_a_column_is_refused(void **state)
{
	(void)state;
	must(write_entries(".", 1));
	run_sql("ALTER TABLE entry DROP COLUMN pause_us");
	open_both_must_fail_saying("pause_us");
	run_sql("DROP TABLE entry");
	open_both_must_fail_saying("entry");
}

static void
an_empty_file_becomes_a_ledger(void **state)
{
	(void)state;
	size_t count = 1;

	must(graft_file_write("ledger.db", "", 0, 0600));
	must(count_entries(".", &count));
	assert_int_equal(count, 0);
	must(write_entries(".", 1));
	must(count_entries(".", &count));
	assert_int_equal(count, 1);
}

/** A ledger whose one row is good but for one column. */
static void
make_row(const char *column, const char *value)
{
	static const char *const columns[][2] = {
		{ "id", "1" },
		{ "time_us", "5" },
		{ "finish_us", "6" },
		{ "verb", "1" },
		{ "outcome", "1" },
		{ "pid", "77" },
		{ "start_ticks", "1" },
		{ "boot_id", "'b'" },
		{ "comm", "'c'" },
		{ "patch_id", "'p'" },
		{ "module", "'m'" },
		{ "build_id", "'i'" },
		{ "header_addr", "0" },
		{ "pause_us", "0" },
		{ "function_count", "0" },
		{ "note", "''" },
		{ "header_len", "0" },
	};
	char names[400] = "";
	char values[800] = "";
	char sql[2000];

	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		bool here = column && strcmp(columns[i][0], column) == 0;
		(void)snprintf(names + strlen(names),
			       sizeof(names) - strlen(names), "%s%s",
			       i ? "," : "", columns[i][0]);
		(void)snprintf(values + strlen(values),
			       sizeof(values) - strlen(values), "%s%s",
			       i ? "," : "", here ? value : columns[i][1]);
	}
	(void)snprintf(sql, sizeof(sql),
		       "DROP TABLE IF EXISTS entry;"
		       "CREATE TABLE entry (%s);"
		       "INSERT INTO entry (%s) VALUES (%s);"
		       "PRAGMA application_id = 1198679668;"
		       "PRAGMA user_version = 2",
		       names, names, values);
	run_sql(sql);
}

static void
a_row_out_of_range_is_refused_with_its_column(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "id", "0" },
		{ "id", "'x'" },
		{ "time_us", "-1" },
		{ "time_us", "1.5" },
		{ "finish_us", "-1" },
		{ "finish_us", "0" },
		{ "verb", "0" },
		{ "verb", "3" },
		{ "verb", "NULL" },
		{ "outcome", "-1" },
		{ "outcome", "4" },
		{ "outcome", "4294967297" },
		{ "pid", "0" },
		{ "pid", "-5" },
		{ "pid", "4294967373" },
		{ "start_ticks", "'1'" },
		{ "boot_id", "1" },
		{ "boot_id", "NULL" },
		{ "comm", "x'6300'" },
		{ "comm", "'a' || char(0) || 'b'" },
		{ "patch_id", "printf('%.300c', 'p')" },
		{ "module", "printf('%.5000c', 'm')" },
		{ "build_id", "printf('%.129c', 'a')" },
		{ "header_addr", "NULL" },
		{ "header_len", "-1" },
		{ "header_len", "67108865" },
		{ "pause_us", "-1" },
		{ "function_count", "-1" },
		{ "function_count", "4294967296" },
		{ "note", "printf('%.5000c', 'n')" },
	};
	size_t count = 0;

	make_row(NULL, NULL);
	must(count_entries(".", &count));
	assert_int_equal(count, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make_row(rows[i][0], rows[i][1]);
		struct graft_error *err = count_entries(".", &count);
		if (!err)
			fail_msg("%s = %s was taken", rows[i][0], rows[i][1]);
		must_fail_saying(err, rows[i][0]);
	}
}

static void
a_link_in_place_of_the_ledger_is_not_followed(void **state)
{
	(void)state;
	struct graft_ledger *ledger = NULL;

	assert_int_equal(symlink("elsewhere", "ledger.db"), 0);
	must_fail_saying(graft_ledger_open(".", false, &ledger), "symbolic");
	assert_int_not_equal(access("elsewhere", F_OK), 0);
}

static void
a_state_directory_that_is_a_file_is_refused(void **state)
{
	(void)state;
	struct graft_ledger *ledger = NULL;

	must(graft_file_write("f", "", 0, 0600));
	must_fail_saying(graft_ledger_open("f", false, &ledger), "--state-dir");
	must_fail_saying(graft_ledger_open("f/g", false, &ledger),
			 "--state-dir");
	assert_null(ledger);
}

/** Mount a small file system, or skip the test where that is not allowed. */
static void
mount_small(const char *options)
{
	assert_int_equal(mkdir("mount", 0700), 0);
	if (mount("graft-test", "mount", "tmpfs", MS_NODEV | MS_NOSUID,
		  options) < 0)
		skip();
}

static void
a_directory_that_cannot_be_written_is_read_but_not_begun(void **state)
{
	(void)state;
	struct graft_ledger *ledger = NULL;
	size_t count = 0;

	mount_small("size=1m");
	must(write_entries("mount", 3));
	assert_int_equal(mount(NULL, "mount", NULL,
			       MS_REMOUNT | MS_RDONLY | MS_NODEV | MS_NOSUID,
			       NULL),
			 0);
	must(count_entries("mount", &count));
	assert_int_equal(count, 3);
	must_fail_saying(graft_ledger_open("mount", false, &ledger),
			 "Read-only file system");
	must_fail_saying(graft_ledger_open("mount/new", false, &ledger),
			 "--state-dir");
	assert_int_equal(umount("mount"), 0);
}

static void
a_full_disk_is_said_and_loses_no_intent(void **state)
{
	(void)state;
	size_t before = 0;
	size_t after = 0;

	mount_small("size=256k");
	must(write_entries("mount", 3));
	must(count_entries("mount", &before));

	// Fill what is left, then write until it no longer works.
	GRAFT_CLOSE int fd = open("mount/ballast",
				  O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char block[4096] = { 0 };
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	must_fail_saying(write_entries("mount", 10000), "ledger");

	// With room again everything that was acknowledged is there.
	assert_int_equal(ftruncate(fd, 0), 0);
	must(count_entries("mount", &after));
	assert_true(after >= before);
	must(write_entries("mount", 1));
	size_t now = 0;
	must(count_entries("mount", &now));
	assert_int_equal(now, after + 1);
	graft_closep(&fd);
	fd = -1;
	assert_int_equal(umount("mount"), 0);
}

static void
a_disk_full_from_the_start_makes_no_ledger(void **state)
{
	(void)state;
	struct graft_ledger *ledger = NULL;

	mount_small("size=4k");
	must_fail_saying(graft_ledger_open("mount", false, &ledger), "ledger");
	assert_null(ledger);
	assert_int_equal(umount("mount"), 0);
}

#define IN_DIRECTORY(test)                                                     \
	cmocka_unit_test_setup_teardown(test, enter_directory, leave_mounts)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(a_file_that_is_no_database_is_refused_and_kept),
		IN_DIRECTORY(a_ledger_with_overwritten_pages_is_refused),
		IN_DIRECTORY(a_truncated_ledger_is_refused),
		IN_DIRECTORY(a_newer_format_is_refused),
		IN_DIRECTORY(
			the_first_format_is_read_as_it_is_and_written_as_the_second),
		IN_DIRECTORY(somebody_elses_database_is_refused_and_kept),
		IN_DIRECTORY(a_ledger_without_its_table_or_a_column_is_refused),
		IN_DIRECTORY(an_empty_file_becomes_a_ledger),
		IN_DIRECTORY(a_row_out_of_range_is_refused_with_its_column),
		IN_DIRECTORY(a_link_in_place_of_the_ledger_is_not_followed),
		IN_DIRECTORY(a_state_directory_that_is_a_file_is_refused),
		IN_DIRECTORY(
			a_directory_that_cannot_be_written_is_read_but_not_begun),
		IN_DIRECTORY(a_full_disk_is_said_and_loses_no_intent),
		IN_DIRECTORY(a_disk_full_from_the_start_makes_no_ledger),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
