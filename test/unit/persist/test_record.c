// SPDX-License-Identifier: Apache-2.0

#include "persist/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const texts[] = {
	"graft-record 1\nid 0123456789abcdef0123456789abcdef\nstep installing\n"
	"time 1234\nmemory all\nroot \npackage libx1\narchitecture amd64\n"
	"old 1:1.0-1\nnew 1:1.0-2\nend\n",
	"graft-record 1\nid 0123456789abcdef0123456789abcdef\nstep reverting\n"
	"time 0\nmemory none\nroot /srv/a folder\nend\n",
};

/** What three packages that go together have. */
static const char together[] =
	"graft-record 2\nid 0123456789abcdef0123456789abcdef\nstep removing\n"
	"time 7\nmemory some\nroot \n"
	"package libx-dev\narchitecture amd64\nold 1.0-1\nnew 1.0-2\nrun 0\n"
	"package libx1\narchitecture amd64\nold 1.0-1\nnew 1.0-2\nrun 0\n"
	"package libx1\narchitecture i386\nold 1.0-1\nnew 1.0-2\nrun 1\n"
	"end\n";

static void
a_record_is_read_and_written_as_it_was(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		GRAFT_CLEANUP(graft_record_deinit)
		struct graft_record record = { 0 };
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		assert_null(graft_record_decode(texts[i], strlen(texts[i]),
						&record));
		assert_int_equal(record.step, i ? GRAFT_RECORD_REVERTING
						: GRAFT_RECORD_INSTALLING);
		assert_int_equal(record.memory,
				 i ? GRAFT_RECORD_NONE : GRAFT_RECORD_ALL);
		assert_string_equal(record.root, i ? "/srv/a folder" : "");
		graft_record_encode(&record, &text);
		assert_string_equal(text.str, texts[i]);
	}
}

/** Whatever is taken is what would be written. */
static void
take_or_refuse(const char *text, size_t len)
{
	GRAFT_CLEANUP(graft_record_deinit) struct graft_record record = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text again = { 0 };
	struct graft_error *err = graft_record_decode(text, len, &record);

	if (err) {
		assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
		graft_error_free(err);
		return;
	}
	graft_record_encode(&record, &again);
	assert_int_equal(again.len, len);
	assert_memory_equal(again.str, text, len);
}

static void
every_cut_and_every_altered_byte_is_refused_or_means_itself(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		size_t len = strlen(texts[k]);
		GRAFT_FREE char *copy = strdup(texts[k]);
		assert_non_null(copy);
		for (size_t i = 0; i < len; i++) {
			struct graft_record record = { 0 };
			struct graft_error *err = graft_record_decode(copy, i,
								      &record);
			assert_non_null(err);
			graft_error_free(err);
			for (int bit = 0; bit < 8; bit++) {
				copy[i] = (char)(copy[i] ^ 1 << bit);
				take_or_refuse(copy, len);
				copy[i] = (char)(copy[i] ^ 1 << bit);
			}
		}
	}
}

static void
half_a_package_is_refused(void **state)
{
	(void)state;
	static const char text[] =
		"graft-record 1\nid 0123456789abcdef0123456789abcdef\n"
		"step installing\ntime 1\nmemory all\nroot \npackage libx1\n"
		"end\n";
	struct graft_record record = { 0 };
	struct graft_error *err = graft_record_decode(text, strlen(text),
						      &record);

	assert_non_null(err);
	graft_error_free(err);
}

static void
several_packages_are_read_and_written_as_they_were(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_record_deinit) struct graft_record record = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	assert_null(graft_record_decode(together, strlen(together), &record));
	assert_int_equal(record.package_count, 3);
	assert_string_equal(record.packages[2].architecture, "i386");
	assert_int_equal(record.packages[2].run, 1);
	graft_record_encode(&record, &text);
	assert_string_equal(text.str, together);
	for (size_t i = 0; i < strlen(together); i++)
		take_or_refuse(together, i);
}

static void
several_packages_in_another_form_are_refused(void **state)
{
	(void)state;
	static const char *const changes[][2] = {
		{ "graft-record 2", "graft-record 1" },
		{ "root \n", "root \nmoves yes\n" },
		{ "run 1", "run 9" },
		{ "run 1", "run x" },
		// Out of the order of their runs.
		{ "run 0", "run 1" },
		{ "old 1.0-1\n", "aged 1.0-1\n" },
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		struct graft_record record = { 0 };
		const char *at = strstr(together, changes[i][0]);
		assert_non_null(at);
		graft_text_put_bytes(&text, together, (size_t)(at - together));
		graft_text_put(&text, changes[i][1]);
		graft_text_put(&text, at + strlen(changes[i][0]));
		struct graft_error *err =
			graft_record_decode(text.str, text.len, &record);
		assert_non_null(err);
		graft_error_free(err);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_read_and_written_as_it_was),
		cmocka_unit_test(
			every_cut_and_every_altered_byte_is_refused_or_means_itself),
		cmocka_unit_test(half_a_package_is_refused),
		cmocka_unit_test(
			several_packages_are_read_and_written_as_they_were),
		cmocka_unit_test(several_packages_in_another_form_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
