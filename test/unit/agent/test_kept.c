// SPDX-License-Identifier: Apache-2.0

// Which of the hotpatches that are kept are wanted.

#include "agent/kept.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "fedcba9876543210fedcba9876543210"

static const uint8_t old_file[GRAFT_SHA256_LEN] = { 1, 2, 3 };

/** A state directory with two hotpatches for one file. */
struct place {
	char dir[32];
	struct graft_kept kept;
	struct graft_quarantine *quarantine;
};

static void
put(struct place *place, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/hotpatches/%s", place->dir,
		       name);
	assert_null(graft_file_write(path, "x", 1, 0600));
}

/** Say what a hotpatch is for, as `graft show` would. */
static void
ask(struct graft_kept_patch *patch, uint8_t to)
{
	patch->asked = patch->known = true;
	patch->what.modules = calloc(1, sizeof(*patch->what.modules));
	assert_non_null(patch->what.modules);
	patch->what.count = 1;
	memcpy(patch->what.modules[0].change.old_sha256, old_file,
	       sizeof(old_file));
	patch->what.modules[0].change.new_sha256[0] = to;
	patch->what.modules[0].build_id[0] = 0xca;
	patch->what.modules[0].build_id_len = 1;
}

static int
set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	char path[64];
	bool changed;

	assert_non_null(place);
	strcpy(place->dir, "/tmp/graft-kept.XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	(void)snprintf(path, sizeof(path), "%s/hotpatches", place->dir);
	assert_null(graft_dir_make(path, 0700));
	put(place, ID_A ".graft");
	put(place, ID_B ".graft");
	put(place, "x.graft");
	put(place, ID_A ".graft.new");
	assert_null(graft_quarantine_read(place->dir, &place->quarantine));
	assert_null(graft_kept_scan(&place->kept, place->dir, &changed));
	assert_true(changed);
	assert_int_equal(place->kept.count, 2);
	assert_non_null(graft_kept_unknown(&place->kept));
	ask(graft_kept_find_id(&place->kept, ID_A), 8);
	ask(graft_kept_find_id(&place->kept, ID_B), 9);
	assert_null(graft_kept_unknown(&place->kept));
	*state = place;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *place = *state;
	char command[64];

	(void)snprintf(command, sizeof(command), "rm -r %s", place->dir);
	graft_kept_deinit(&place->kept);
	graft_quarantine_free(place->quarantine);
	int status = system(command);
	free(place);
	return status;
}

/** Write into the ledger what was done with a hotpatch. */
static void
note(struct place *place, const char *id, enum graft_ledger_verb verb)
{
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;
	const struct graft_ledger_entry entry = { .verb = verb,
						  .pid = 7,
						  .patch_id = (char *)id };
	int64_t row;

	assert_null(graft_ledger_open(place->dir, false, &ledger));
	assert_null(graft_ledger_begin(ledger, &entry, &row));
	assert_null(
		graft_ledger_finish(ledger, row, GRAFT_LEDGER_DONE, 1, NULL));
}

/** Which is wanted now? "" for none. */
static const char *
wanted(struct place *place)
{
	GRAFT_CLEANUP(graft_ledger_closep) struct graft_ledger *ledger = NULL;

	assert_null(graft_ledger_open(place->dir, true, &ledger));
	assert_null(
		graft_kept_refresh(&place->kept, ledger, place->quarantine));
	const struct graft_kept_patch *patch = graft_kept_wanted(&place->kept,
								 old_file);
	return patch ? patch->id : "";
}

static void
the_one_that_was_worked_with_last_is_wanted_and_no_older_one(void **state)
{
	struct place *place = *state;

	note(place, ID_A, GRAFT_LEDGER_APPLY);
	assert_string_equal(wanted(place), ID_A);
	note(place, ID_B, GRAFT_LEDGER_APPLY);
	assert_string_equal(wanted(place), ID_B);
	note(place, ID_B, GRAFT_LEDGER_REVERT);
	assert_string_equal(wanted(place), "");
	note(place, ID_B, GRAFT_LEDGER_APPLY);
	assert_string_equal(wanted(place), ID_B);
	assert_true(graft_kept_has_build_id(&place->kept,
					    (const uint8_t *)"\xca", 1));
	assert_false(graft_kept_has_build_id(&place->kept,
					     (const uint8_t *)"\xcb", 1));
	assert_false(graft_kept_has_build_id(&place->kept, NULL, 0));
}

static void
what_is_held_under_any_id_is_not_wanted_until_it_is_released(void **state)
{
	struct place *place = *state;
	struct graft_quarantine_entry entry = { .pid = 7, .signal = 11 };
	struct graft_quarantine_change change = { .new_sha256 = { 8 } };

	memcpy(change.old_sha256, old_file, sizeof(old_file));
	note(place, ID_A, GRAFT_LEDGER_APPLY);
	memset(entry.id, '0', GRAFT_QUARANTINE_ID_LEN);
	entry.changes = &change;
	entry.change_count = 1;
	assert_null(graft_quarantine_set(place->quarantine, &entry));
	assert_string_equal(wanted(place), "");
	entry.released = true;
	assert_null(graft_quarantine_set(place->quarantine, &entry));
	assert_string_equal(wanted(place), ID_A);
	// A revert from before the release says nothing any more.
	note(place, ID_A, GRAFT_LEDGER_REVERT);
	assert_string_equal(wanted(place), "");
	memcpy(entry.id, ID_A, sizeof(ID_A));
	entry.time_us = INT64_MAX;
	assert_null(graft_quarantine_set(place->quarantine, &entry));
	assert_string_equal(wanted(place), ID_A);
}

static void
what_comes_and_goes_in_the_folder_is_followed(void **state)
{
	struct place *place = *state;
	char path[128];
	bool changed = true;

	place->kept.folder_us = 0;
	assert_null(graft_kept_scan(&place->kept, place->dir, &changed));
	assert_false(changed);
	(void)snprintf(path, sizeof(path), "%s/hotpatches/" ID_A ".graft",
		       place->dir);
	assert_int_equal(unlink(path), 0);
	place->kept.folder_us = 0;
	assert_null(graft_kept_scan(&place->kept, place->dir, &changed));
	assert_true(changed);
	assert_int_equal(place->kept.count, 1);
	assert_null(graft_kept_find_id(&place->kept, ID_A));
	assert_non_null(graft_kept_find_id(&place->kept, ID_B));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_one_that_was_worked_with_last_is_wanted_and_no_older_one,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_held_under_any_id_is_not_wanted_until_it_is_released,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_comes_and_goes_in_the_folder_is_followed, set_up,
			tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
