// SPDX-License-Identifier: Apache-2.0

// The record of an update that is under way: what is read is what was written, or refused.

#include "update/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char whole[] = "step = restarting\n"
			    "releases = GP-2026-0001, GP-2026-0002\n"
			    "baseline = none\n"
			    "level = 2026-12.1\n"
			    "updated = 1795000000\n"
			    "asked = 0\n"
			    "boot-id = 01234567-89ab-cdef-0123-456789abcdef\n"
			    "automatic = no\n";

static struct graft_error *
decode(const char *text, size_t len, struct graft_update_record *ret)
{
	return graft_update_record_decode(text, len, "f", ret);
}

static void
what_is_read_is_what_was_written(void **state)
{
	(void)state;
	struct graft_update_record record;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	assert_null(decode(whole, strlen(whole), &record));
	assert_int_equal(record.step, GRAFT_UPDATE_RESTARTING);
	assert_int_equal(record.releases.count, 2);
	assert_int_equal(record.baseline, 0);
	assert_int_equal(record.updated, 1795000000);
	assert_false(record.automatic);
	graft_update_record_encode(&record, &text);
	assert_string_equal(graft_text_str(&text), whole);
	graft_update_record_deinit(&record);
}

static void
what_was_cut_off_is_refused(void **state)
{
	(void)state;
	struct graft_update_record record;

	// Without its last line feed it is whole.
	for (size_t len = 0; len + 1 < strlen(whole); len++) {
		GRAFT_FREE char *part = strndup(whole, len);
		assert_non_null(part);
		struct graft_error *err = decode(part, len, &record);
		if (!err && len < strlen(whole) - strlen("no\n"))
			fail_msg("%zu bytes are taken", len);
		if (!err)
			graft_update_record_deinit(&record);
		graft_error_free(err);
	}
}

static void
what_is_damaged_is_refused(void **state)
{
	(void)state;
	static const char *const changes[][2] = {
		{ "restarting", "resting" },
		{ "GP-2026-0001", "../../etc" },
		{ "GP-2026-0001", "GP-2026-0001/x" },
		{ "baseline = none", "baseline = 1" },
		{ "level = 2026-12.1", "level = none" },
		{ "1795000000", "-1" },
		{ "1795000000", "99999999999999999999" },
		{ "01234567-", "0123456-" },
		{ "automatic = no", "automatic = maybe" },
		{ "asked = 0\n", "" },
		{ "asked = 0", "asked = 0\nasked = 0" },
		{ "asked", "axed" },
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		char text[512];
		struct graft_update_record record;
		const char *at = strstr(whole, changes[i][0]);
		assert_non_null(at);
		(void)snprintf(text, sizeof(text), "%.*s%s%s",
			       (int)(at - whole), whole, changes[i][1],
			       at + strlen(changes[i][0]));
		struct graft_error *err = decode(text, strlen(text), &record);
		if (!err)
			fail_msg("%s is taken", changes[i][1]);
		graft_error_free(err);
	}
}

static void
the_id_of_this_boot_is_read(void **state)
{
	(void)state;
	char one[GRAFT_BOOT_ID_LEN];
	char other[GRAFT_BOOT_ID_LEN];

	assert_null(graft_boot_id_read(one));
	assert_null(graft_boot_id_read(other));
	assert_string_equal(one, other);
	assert_int_equal(strlen(one), GRAFT_BOOT_ID_LEN - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_is_what_was_written),
		cmocka_unit_test(what_was_cut_off_is_refused),
		cmocka_unit_test(what_is_damaged_is_refused),
		cmocka_unit_test(the_id_of_this_boot_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
