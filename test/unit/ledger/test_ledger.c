// SPDX-License-Identifier: Apache-2.0

#include "ledger/ledger.h"

#include "../folder.h"
#include "ledger/row.h"
#include "ledger/schema.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { WRITERS = 4, ENTRIES_EACH = 20 };

/** Each test has a state directory of its own, which does not exist yet. */
static int
make_directory(void **state)
{
	GRAFT_FREE char *dir = strdup("/tmp/graft-test.XXXXXX");
	char *path;

	if (!dir || !mkdtemp(dir) || asprintf(&path, "%s/state/deep", dir) < 0)
		return -1;
	*state = path;
	return 0;
}

static int
remove_directory(void **state)
{
	GRAFT_FREE char *dir = *state;

	*strstr(dir, "/state/deep") = '\0';
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct graft_ledger_entry
some_entry(pid_t pid)
{
	return (struct graft_ledger_entry){
		.verb = GRAFT_LEDGER_APPLY,
		.pid = pid,
		.start_ticks = UINT64_MAX,
		.boot_id = (char *)"b007",
		.comm = (char *)"a\xffz",
		.patch_id = (char *)"0123456789abcdef0123456789abcdef",
		.module = (char *)"/usr/lib/x86_64-linux-gnu/libz.so.1",
		.build_id = (char *)"cafe",
		.function_count = UINT32_MAX,
	};
}

static struct graft_ledger_list *
find(struct graft_ledger *ledger, struct graft_ledger_query query)
{
	struct graft_ledger_list *list = NULL;

	must(graft_ledger_find(ledger, &query, &list));
	return list;
}

/** Reopen and count. */
static size_t
count_in(const char *dir, struct graft_ledger_query query)
{
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;

	must(graft_ledger_open(dir, true, &ledger));
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = find(ledger, query);
	return list->count;
}

static void
what_was_written_is_found_by_the_next_process(void **state)
{
	const char *dir = *state;
	struct graft_ledger *ledger = NULL;
	struct graft_ledger_entry entry = some_entry(4242);
	int64_t id = 0;

	entry.header_addr = UINT64_C(0xffff800000001000);
	must(graft_ledger_open(dir, false, &ledger));
	must(graft_ledger_begin(ledger, &entry, &id));
	must(graft_ledger_finish(ledger, id, GRAFT_LEDGER_UNDONE, 321, "why"));
	graft_ledger_close(ledger);

	ledger = NULL;
	must(graft_ledger_open(dir, true, &ledger));
	struct graft_ledger_list *list = find(ledger,
					      (struct graft_ledger_query){ 0 });
	assert_int_equal(list->count, 1);
	const struct graft_ledger_entry *got = &list->entries[0];
	assert_int_equal(got->id, id);
	assert_true(got->time_us > 0);
	assert_true(got->finish_us >= got->time_us);
	assert_int_equal(got->verb, GRAFT_LEDGER_APPLY);
	assert_int_equal(got->outcome, GRAFT_LEDGER_UNDONE);
	assert_int_equal(got->pid, 4242);
	assert_true(got->start_ticks == UINT64_MAX);
	assert_string_equal(got->boot_id, entry.boot_id);
	assert_string_equal(got->comm, entry.comm);
	assert_string_equal(got->patch_id, entry.patch_id);
	assert_string_equal(got->module, entry.module);
	assert_string_equal(got->build_id, entry.build_id);
	assert_true(got->header_addr == UINT64_C(0xffff800000001000));
	assert_int_equal(got->pause_us, 321);
	assert_true(got->function_count == UINT32_MAX);
	assert_string_equal(got->note, "why");
	graft_ledger_list_free(list);
	graft_ledger_close(ledger);
}

static void
the_state_directory_is_private(void **state)
{
	const char *dir = *state;
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	GRAFT_FREE char *path = NULL;
	struct stat st;

	must(graft_ledger_open(dir, false, &ledger));
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(asprintf(&path, "%s/ledger.db", dir) > 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
queries_select_by_process_hotpatch_and_outcome(void **state)
{
	const char *dir = *state;
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	int64_t ids[3];

	must(graft_ledger_open(dir, false, &ledger));
	for (int i = 0; i < 3; i++) {
		struct graft_ledger_entry entry = some_entry(10 + i % 2);
		if (i == 2)
			entry.patch_id = (char *)"other";
		must(graft_ledger_begin(ledger, &entry, &ids[i]));
		assert_true(i == 0 || ids[i] > ids[i - 1]);
	}
	must(graft_ledger_finish(ledger, ids[0], GRAFT_LEDGER_DONE, 1, NULL));

	static const struct {
		struct graft_ledger_query query;
		size_t count;
	} rows[] = {
		{ { 0 }, 3 },
		{ { .pid = 10 }, 2 },
		{ { .pid = 11 }, 1 },
		{ { .pid = 12 }, 0 },
		{ { .patch_id = "other" }, 1 },
		{ { .patch_id = "othe" }, 0 },
		{ { .open_only = true }, 2 },
		{ { .open_only = true, .pid = 10 }, 1 },
		{ { .patch_id = "other", .pid = 11 }, 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		GRAFT_CLEANUP(graft_ledger_list_freep)
		struct graft_ledger_list *list = find(ledger, rows[i].query);
		assert_int_equal(list->count, rows[i].count);
		for (size_t k = 1; k < list->count; k++)
			assert_true(list->entries[k].id >
				    list->entries[k - 1].id);
	}
}

static void
an_entry_is_finished_once(void **state)
{
	const char *dir = *state;
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	struct graft_ledger_entry entry = some_entry(1);
	int64_t id;

	must(graft_ledger_open(dir, false, &ledger));
	must(graft_ledger_begin(ledger, &entry, &id));
	must_fail(graft_ledger_finish(ledger, id + 1, GRAFT_LEDGER_DONE, 0, ""),
		  GRAFT_ERROR_NOT_FOUND);
	must(graft_ledger_finish(ledger, id, GRAFT_LEDGER_GONE, 0, "exited"));
	must_fail(graft_ledger_finish(ledger, id, GRAFT_LEDGER_DONE, 0, ""),
		  GRAFT_ERROR_NOT_FOUND);

	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = find(ledger,
					      (struct graft_ledger_query){ 0 });
	assert_int_equal(list->entries[0].outcome, GRAFT_LEDGER_GONE);
	assert_string_equal(list->entries[0].note, "exited");
}

static void
missing_strings_are_empty_and_long_ones_are_cut_or_refused(void **state)
{
	const char *dir = *state;
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	GRAFT_FREE char *long_text = calloc(1, 10001);
	struct graft_ledger_entry entry = { .verb = GRAFT_LEDGER_REVERT,
					    .pid = 1 };
	int64_t id = -1;

	memset(long_text, 'x', 10000);
	must(graft_ledger_open(dir, false, &ledger));
	entry.module = long_text;
	must_fail(graft_ledger_begin(ledger, &entry, &id), GRAFT_ERROR_LIMIT);
	assert_int_equal(id, -1);
	entry.module = NULL;
	must(graft_ledger_begin(ledger, &entry, &id));
	must(graft_ledger_finish(ledger, id, GRAFT_LEDGER_DONE, 0, long_text));

	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = find(ledger,
					      (struct graft_ledger_query){ 0 });
	assert_int_equal(list->count, 1);
	assert_string_equal(list->entries[0].module, "");
	assert_string_equal(list->entries[0].comm, "");
	assert_int_equal(strlen(list->entries[0].note), 4096);
}

static void
a_ledger_that_does_not_exist_reads_as_empty(void **state)
{
	const char *dir = *state;
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	struct graft_ledger_entry entry = some_entry(1);
	int64_t id;

	must(graft_ledger_open(dir, true, &ledger));
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = find(ledger,
					      (struct graft_ledger_query){ 0 });
	assert_int_equal(list->count, 0);
	must_fail(graft_ledger_begin(ledger, &entry, &id), GRAFT_ERROR_LEDGER);
	// Reading made nothing.
	assert_int_not_equal(access(dir, F_OK), 0);
}

/** In a child: begin and finish one entry, with a fault. */
static int
write_in_child(const char *dir, const char *fault)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct graft_ledger *ledger = NULL;
		struct graft_ledger_entry entry = some_entry(7);
		int64_t id;
		(void)setenv("GRAFT_FAULT", fault, 1);
		if (graft_ledger_open(dir, false, &ledger) ||
		    graft_ledger_begin(ledger, &entry, &id) ||
		    graft_ledger_finish(ledger, id, GRAFT_LEDGER_DONE, 1, ""))
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
an_intent_survives_the_kill_of_its_writer(void **state)
{
	const char *dir = *state;
	const struct graft_ledger_query any = { 0 };
	const struct graft_ledger_query open = { .open_only = true };
	static const struct {
		const char *point;
		size_t all;
		size_t open;
	} rows[] = {
		// Killed before the intent: no trace. Behind it: an open entry.
		// Behind the outcome: a finished one.
		{ "ledger-begin:1:kill", 0, 0 },
		{ "ledger-begun:1:kill", 1, 1 },
		{ "ledger-finish:1:kill", 2, 2 },
		{ "ledger-finished:1:kill", 3, 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status = write_in_child(dir, rows[i].point);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGKILL);
		assert_int_equal(count_in(dir, any), rows[i].all);
		assert_int_equal(count_in(dir, open), rows[i].open);
	}
	assert_int_equal(write_in_child(dir, ""), 0);
	assert_int_equal(count_in(dir, any), 4);
}

static void
a_fault_before_the_intent_leaves_no_entry(void **state)
{
	const char *dir = *state;

	assert_int_equal(WEXITSTATUS(write_in_child(dir, "ledger-begin")), 1);
	assert_int_equal(count_in(dir, (struct graft_ledger_query){ 0 }), 0);
	assert_int_equal(WEXITSTATUS(write_in_child(dir, "ledger-finish")), 1);
	assert_int_equal(
		count_in(dir, (struct graft_ledger_query){ .open_only = true }),
		1);
}

/** In a child: open a ledger that may not exist and write entries. */
static pid_t
start_writer(const char *dir, pid_t number)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	struct graft_ledger *ledger = NULL;
	struct graft_ledger_entry entry = some_entry(number);
	struct graft_error *err = graft_ledger_open(dir, false, &ledger);
	for (int i = 0; !err && i < ENTRIES_EACH; i++) {
		int64_t id = 0;
		err = graft_ledger_begin(ledger, &entry, &id);
		if (!err)
			err = graft_ledger_finish(ledger, id, GRAFT_LEDGER_DONE,
						  1, NULL);
	}
	if (err)
		(void)fprintf(stderr, "%s\n", graft_error_message(err));
	graft_ledger_close(ledger);
	_exit(err ? 1 : 0);
}

static void
several_writers_at_once_lose_nothing(void **state)
{
	const char *dir = *state;
	pid_t pids[WRITERS];

	for (pid_t i = 0; i < WRITERS; i++) {
		pids[i] = start_writer(dir, i + 1);
		assert_true(pids[i] > 0);
	}
	for (pid_t i = 0; i < WRITERS; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	for (pid_t i = 0; i < WRITERS; i++)
		assert_int_equal(
			count_in(dir,
				 (struct graft_ledger_query){ .pid = i + 1 }),
			ENTRIES_EACH);
	assert_int_equal(
		count_in(dir, (struct graft_ledger_query){ .open_only = true }),
		0);
}

/** A long ledger is not read to see that nobody was cut off. */
static void
open_entries_are_found_by_their_index(void **state)
{
	GRAFT_FREE char *path = NULL;
	sqlite3 *db;
	sqlite3_stmt *plan;
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;

	assert_null(graft_ledger_open(*state, false, &ledger));
	assert_true(asprintf(&path, "%s/ledger.db", (char *)*state) > 0);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (int format = 1; format <= GRAFT_LEDGER_FORMAT; format++) {
		GRAFT_FREE char *sql = NULL;
		assert_true(asprintf(&sql, "EXPLAIN QUERY PLAN %s",
				     graft_row_select_sql(format, true)) > 0);
		assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &plan, NULL),
				 SQLITE_OK);
		assert_int_equal(sqlite3_step(plan), SQLITE_ROW);
		assert_non_null(
			strstr((const char *)sqlite3_column_text(plan, 3),
			       "entry_open"));
		assert_int_equal(sqlite3_step(plan), SQLITE_DONE);
		(void)sqlite3_finalize(plan);
	}
	(void)sqlite3_close(db);
}

#define IN_DIRECTORY(test)                                                     \
	cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(what_was_written_is_found_by_the_next_process),
		IN_DIRECTORY(the_state_directory_is_private),
		IN_DIRECTORY(queries_select_by_process_hotpatch_and_outcome),
		IN_DIRECTORY(an_entry_is_finished_once),
		IN_DIRECTORY(
			missing_strings_are_empty_and_long_ones_are_cut_or_refused),
		IN_DIRECTORY(a_ledger_that_does_not_exist_reads_as_empty),
		IN_DIRECTORY(an_intent_survives_the_kill_of_its_writer),
		IN_DIRECTORY(a_fault_before_the_intent_leaves_no_entry),
		IN_DIRECTORY(several_writers_at_once_lose_nothing),
		IN_DIRECTORY(open_entries_are_found_by_their_index),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
