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
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "counting";
	vfs.xOpen = open_counting;
	*state = dir;
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_intent_is_on_disk_at_once_and_an_outcome_with_what_follows,
			make_directory, remove_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
