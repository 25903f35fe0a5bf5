// SPDX-License-Identifier: Apache-2.0

// What of the ledger is on disk when: a file system that counts how often it is told
// to write through.

#include "ledger/ledger.h"

#include "../folder.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { KINDS = 8 };

static sqlite3_vfs *real_vfs;
/** Kinds of files that were opened, and the same but counting. */
static const sqlite3_io_methods *kinds[KINDS];
static sqlite3_io_methods counting[KINDS];
static int (*real_sync)(sqlite3_file *, int);
static int syncs;

static int
count_sync(sqlite3_file *file, int flags)
{
	syncs++;
	return real_sync(file, flags);
}

static int
open_counting(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
	      int *flags_ret)
{
	int i = 0;
	(void)vfs;
	int code = real_vfs->xOpen(real_vfs, name, file, flags, flags_ret);

	if (code != SQLITE_OK || !file->pMethods)
		return code;
	while (i < KINDS && kinds[i] && kinds[i] != file->pMethods)
		i++;
	if (i == KINDS)
		return SQLITE_CANTOPEN;
	kinds[i] = file->pMethods;
	counting[i] = *file->pMethods;
	// All kinds are synced in one way.
	if (real_sync && real_sync != counting[i].xSync)
		return SQLITE_CANTOPEN;
	real_sync = counting[i].xSync;
	counting[i].xSync = count_sync;
	file->pMethods = &counting[i];
	return code;
}

static int
make_directory(void **state)
{
	static char dir[64];
	static sqlite3_vfs vfs;

	(void)strcpy(dir, "/tmp/graft-test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	*state = dir;
	if (real_vfs)
		return 0;
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "counting";
	vfs.xOpen = open_counting;
	return sqlite3_vfs_register(&vfs, 1);
}

static int
remove_directory(void **state)
{
	return nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
an_intent_is_on_disk_at_once_and_an_outcome_with_what_follows(void **state)
{
	struct graft_ledger *ledger = NULL;
	struct graft_ledger_entry entry = {
		.verb = GRAFT_LEDGER_APPLY,
		.pid = 7,
		.boot_id = (char *)"b007",
		.comm = (char *)"a",
		.patch_id = (char *)"0123456789abcdef0123456789abcdef",
		.module = (char *)"/lib/a.so",
		.build_id = (char *)"cafe",
	};

	must(graft_ledger_open(*state, false, &ledger));
	for (int i = 0; i < 3; i++) {
		int64_t id;
		int before = syncs;
		must(graft_ledger_begin(ledger, &entry, &id));
		assert_true(syncs > before);
		before = syncs;
		must(graft_ledger_finish(ledger, id, GRAFT_LEDGER_DONE, 1, ""));
		assert_int_equal(syncs, before);
	}
	int before = syncs;
	graft_ledger_close(ledger);
	assert_true(syncs > before);
}

/** Several entries, written as one. */
struct several {
	struct graft_ledger *ledger;
	const struct graft_ledger_entry *entry;
	int64_t ids[5];
	bool finish;
	/** Which one is the last, if they fail then; 0: none fails. */
	size_t fails;
};

static struct graft_error *
write_several(void *ctx)
{
	struct several *several = ctx;

	for (size_t i = 0; i < 5; i++) {
		struct graft_error *err =
			several->finish
				? graft_ledger_finish(several->ledger,
						      several->ids[i],
						      GRAFT_LEDGER_DONE, 1, "")
				: graft_ledger_begin(several->ledger,
						     several->entry,
						     &several->ids[i]);
		if (err)
			return err;
		if (several->fails == i + 1)
			return graft_error_new(GRAFT_ERROR_REFUSED, "no more");
	}
	return NULL;
}

static size_t
count_open(struct graft_ledger *ledger)
{
	static const struct graft_ledger_query query = { .open_only = true };
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = NULL;

	must(graft_ledger_find(ledger, &query, &list));
	return list->count;
}

static void
several_intents_are_synced_once_and_all_are_there_or_none(void **state)
{
	static const struct graft_ledger_entry entry = {
		.verb = GRAFT_LEDGER_APPLY,
		.pid = 7,
	};
	struct several several = { .entry = &entry };
	struct graft_ledger *ledger = NULL;

	must(graft_ledger_open(*state, false, &ledger));
	several.ledger = ledger;
	// One to compare with, and to have the files made.
	int64_t id;
	must(graft_ledger_begin(ledger, &entry, &id));
	int before = syncs;
	must(graft_ledger_begin(ledger, &entry, &id));
	int one = syncs - before;
	assert_true(one > 0);
	before = syncs;
	must(graft_ledger_together(ledger, true, write_several, &several));
	assert_int_equal(syncs - before, one);
	assert_int_equal(count_open(ledger), 7);
	// Outcomes wait for no disk, and if one fails none is written.
	before = syncs;
	several.finish = true;
	several.fails = 3;
	struct graft_error *err =
		graft_ledger_together(ledger, false, write_several, &several);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_REFUSED);
	graft_error_free(err);
	assert_int_equal(count_open(ledger), 7);
	several.fails = 0;
	must(graft_ledger_together(ledger, false, write_several, &several));
	assert_int_equal(syncs, before);
	assert_int_equal(count_open(ledger), 2);
	// Those that fail leave nothing, and the next one is synced again.
	several.finish = false;
	several.fails = 4;
	err = graft_ledger_together(ledger, true, write_several, &several);
	assert_non_null(err);
	graft_error_free(err);
	assert_int_equal(count_open(ledger), 2);
	before = syncs;
	must(graft_ledger_begin(ledger, &entry, &id));
	assert_int_equal(syncs - before, one);
	graft_ledger_close(ledger);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_intent_is_on_disk_at_once_and_an_outcome_with_what_follows,
			make_directory, remove_directory),
		cmocka_unit_test_setup_teardown(
			several_intents_are_synced_once_and_all_are_there_or_none,
			make_directory, remove_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
