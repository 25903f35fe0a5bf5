// SPDX-License-Identifier: Apache-2.0

// What is remembered of looks for releases.

#include "../folder.h"
#include "update/last.h"

#include <stdbool.h>

static void
remember(const char *said, int64_t now)
{
	struct graft_error *why =
		said ? NULL
		     : graft_error_new(GRAFT_ERROR_UNREACHABLE, "no line");

	assert_null(graft_update_last_note(said, why, now));
	graft_error_free(why);
}

static void
read_back(struct graft_update_last *ret)
{
	graft_update_last_deinit(ret);
	assert_null(graft_update_last_read("state", ret));
}

static void
a_look_that_failed_leaves_what_a_good_one_said(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_update_last_deinit)
	struct graft_update_last last = { 0 };

	read_back(&last);
	assert_int_equal(last.at, 0);
	remember(NULL, 100);
	read_back(&last);
	assert_int_equal(last.at, 100);
	assert_int_equal(last.good_at, 0);
	assert_int_equal(last.failures, 1);
	assert_null(last.said);
	remember("{\"device\":{\"target\":\"2026-11\"}}\n", 200);
	remember(NULL, 300);
	remember(NULL, 400);
	read_back(&last);
	assert_int_equal(last.at, 400);
	assert_int_equal(last.good_at, 200);
	assert_int_equal(last.failures, 2);
	assert_string_equal(last.error, "no line");
	assert_string_equal(last.said, "{\"device\":{\"target\":\"2026-11\"}}");
	assert_string_equal(graft_level_write(last.target).str, "2026-11");
	remember("{}", 500);
	read_back(&last);
	assert_int_equal(last.failures, 0);
	assert_null(last.error);
	assert_int_equal(last.target, 0);
}

static void
what_is_too_long_to_be_read_again_is_shortened(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_update_last_deinit)
	struct graft_update_last last = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text said = { 0 };
	const char *rest =
		"\"raised\":false,\"device\":{\"target\":\"2026-11\"},"
		"\"releases\":[{\"id\":\"GP-2026-0001\"}]";

	graft_text_put(&said, "{\"files\":[0");
	while (said.len < GRAFT_UPDATE_LAST_BYTES_MAX)
		graft_text_put(&said, ",{\"path\":\"pool/GP-2026-0001/x\"}");
	graft_text_printf(&said, "],%s}", rest);
	remember(graft_text_str(&said), 100);
	remember(NULL, 200);
	read_back(&last);
	assert_int_equal(last.good_at, 100);
	assert_int_equal(last.failures, 1);
	assert_string_equal(graft_level_write(last.target).str, "2026-11");
	assert_string_equal(last.said,
			    "{\"device\":{\"target\":\"2026-11\"},"
			    "\"raised\":false,"
			    "\"releases\":[{\"id\":\"GP-2026-0001\"}]}");
}

/** Make a release; only what is looked at. */
static struct graft_release
release_of(const char *id, enum graft_release_line line, const char *level)
{
	struct graft_release release = { .id = (char *)(uintptr_t)id,
					 .line = line };

	assert_true(graft_level_read(level, &release.level));
	return release;
}

static void
a_baseline_ends_what_came_before(void **state)
{
	(void)state;
	const struct graft_release a =
		release_of("GP-1", GRAFT_RELEASE_HOTPATCH, "2026-11");
	const struct graft_release b =
		release_of("GP-2", GRAFT_RELEASE_HOTPATCH, "2026-12");
	const struct graft_release c =
		release_of("GP-3", GRAFT_RELEASE_BASELINE, "2027-01");
	const struct graft_release *both[] = { &a, &b };
	const struct graft_release *again[] = { &b };
	const struct graft_release *next[] = { &c };
	GRAFT_CLEANUP(graft_update_last_deinit)
	struct graft_update_last last = { 0 };

	assert_null(graft_update_last_take(both, 2, false, 100));
	assert_null(graft_update_last_take(again, 1, true, 200));
	read_back(&last);
	assert_int_equal(last.taken_count, 2);
	assert_string_equal(last.taken[1].id, "GP-2");
	assert_string_equal(last.taken[1].line, "hotpatch");
	assert_true(last.taken[1].memory_only);
	assert_int_equal(strlen(last.taken[1].boot_id), GRAFT_BOOT_ID_LEN - 1);
	assert_null(graft_update_last_take(next, 1, false, 300));
	read_back(&last);
	assert_int_equal(last.taken_count, 1);
	assert_string_equal(last.taken[0].id, "GP-3");
	// The newest are remembered.
	for (int i = 0; i < GRAFT_UPDATE_TAKEN_MAX + 3; i++) {
		char id[16];
		(void)snprintf(id, sizeof(id), "GP-1%02d", i);
		const struct graft_release one =
			release_of(id, GRAFT_RELEASE_CUMULATIVE, "2027-02");
		const struct graft_release *list[] = { &one };
		assert_null(graft_update_last_take(list, 1, false, 400));
	}
	read_back(&last);
	assert_int_equal(last.taken_count, GRAFT_UPDATE_TAKEN_MAX);
	assert_string_equal(last.taken[GRAFT_UPDATE_TAKEN_MAX - 1].id,
			    "GP-166");
}

static void
what_is_damaged_is_said_and_begun_anew(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_update_last_deinit)
	struct graft_update_last last = { 0 };
	FILE *file;

	remember("{}", 100);
	file = fopen("state/update/last.json", "we");
	assert_non_null(file);
	(void)fputs("{\"at\":1", file);
	(void)fclose(file);
	struct graft_error *err = graft_update_last_read("state", &last);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
	remember("{}", 200);
	read_back(&last);
	assert_int_equal(last.good_at, 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_look_that_failed_leaves_what_a_good_one_said,
			enter_directory, leave_directory),
		cmocka_unit_test_setup_teardown(
			what_is_too_long_to_be_read_again_is_shortened,
			enter_directory, leave_directory),
		cmocka_unit_test_setup_teardown(
			a_baseline_ends_what_came_before, enter_directory,
			leave_directory),
		cmocka_unit_test_setup_teardown(
			what_is_damaged_is_said_and_begun_anew, enter_directory,
			leave_directory),
	};

	(void)setenv("GRAFT_STATE_DIR", "state", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
