// SPDX-License-Identifier: Apache-2.0

// The file of hotpatches in quarantine.

#include "ledger/quarantine.h"

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
#define ID_B "00000000000000000000000000000002"
#define SHA  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SHB  "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char whole[] = "graft-quarantine 1\n"
			    "held " ID_A " 17 4711 11 nginx " SHA ":" SHB
			    "," SHB ":" SHA "\n"
			    "released " ID_B " 18\n";

static const char users[] = "graft-quarantine 2\n"
			    "held " ID_A " 17 4711 11 nginx -\n"
			    "user " ID_B " 18 1000 19 4712 6 php " SHA ":" SHB
			    "\n"
			    "user " ID_B " 18 33 0 4713 6 a -\n"
			    "released " ID_B " 17\n";
static const char *const files[] = { whole, users };

static struct graft_error *
parse(const char *text, size_t len, struct graft_quarantine **ret)
{
	return graft_quarantine_parse(text, len, "q", ret);
}

static void
what_is_written_decodes_to_the_same(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_quarantine_freep)
	struct graft_quarantine *q = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	assert_null(parse(whole, strlen(whole), &q));
	assert_int_equal(q->count, 2);
	assert_string_equal(q->entries[0].comm, "nginx");
	assert_int_equal(q->entries[0].pid, 4711);
	assert_int_equal(q->entries[0].signal, 11);
	assert_int_equal(q->entries[0].change_count, 2);
	assert_true(q->entries[1].released);
	assert_int_equal(q->entries[1].time_us, 18);
	graft_quarantine_print(q, &text);
	assert_string_equal(graft_text_str(&text), whole);
	graft_text_deinit(&text);
	text = (struct graft_text){ 0 };
	graft_quarantine_free(GRAFT_TAKE(q));
	assert_null(parse(users, strlen(users), &q));
	assert_int_equal(q->count, 4);
	assert_true(q->entries[1].of_user);
	assert_int_equal(q->entries[1].uid, 1000);
	assert_int_equal(q->entries[1].taken_us, 19);
	graft_quarantine_print(q, &text);
	assert_string_equal(graft_text_str(&text), users);
}

static void
every_file_that_is_cut_off_in_a_line_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * strlen(users); i++) {
		const char *text = files[i % 2];
		size_t len = i / 2;
		struct graft_quarantine *q = NULL;
		if (len >= strlen(text))
			continue;
		struct graft_error *err = parse(text, len, &q);
		// Behind a whole line nobody can tell, but that it is for users.
		bool line = len && text[len - 1] == '\n';
		if (text == users)
			line &= len > strlen(users) / 2;
		assert_int_equal(!err, line);
		graft_quarantine_free(q);
		graft_error_free(err);
	}
}

static void
every_changed_byte_is_refused_or_read_as_another_file(void **state)
{
	(void)state;
	char text[sizeof(whole) + sizeof(users)];

	for (size_t n = 0; n < strlen(whole) + strlen(users); n++) {
		const char *file = n < strlen(whole) ? whole : users;
		const size_t len = strlen(file);
		const size_t i = file == whole ? n : n - strlen(whole);
		for (int bit = 0; bit < 8; bit++) {
			struct graft_quarantine *q = NULL;
			GRAFT_CLEANUP(graft_text_deinit)
			struct graft_text again = { 0 };
			memcpy(text, file, len);
			text[i] = (char)(text[i] ^ 1 << bit);
			struct graft_error *err = parse(text, len, &q);
			if (!err) {
				graft_quarantine_print(q, &again);
				assert_int_equal(again.len, len);
				assert_memory_equal(again.str, text, again.len);
			}
			graft_quarantine_free(q);
			graft_error_free(err);
		}
	}
}

static void
what_is_malformed_is_refused_with_its_line(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"held " ID_A " 17 4711 11 nginx",
		"held " ID_A " 17 0 11 nginx -",
		"held " ID_A " 17 1 65 nginx -",
		"held " ID_A " 017 1 1 nginx -",
		"held " ID_A " 17 1 1 sixteen-letters. -",
		"held " ID_A "0 17 1 1 nginx -",
		"held " ID_A " 17 1 1 nginx - -",
		"held " ID_A " 17 1 1 nginx -\nheld " ID_A " 17 1 1 nginx -",
		"held " ID_A " 17 1 1 nginx " SHA,
		"held " ID_A " 17 1 1 nginx " SHA ":" SHB ",",
		"released " ID_A,
		"released " ID_A " 99999999999999999999",
		"freed " ID_A " 1",
		"",
		"user " ID_A " 17 1000 0 1 1 nginx -",
	};
	static const char *const of_users[] = {
		"user " ID_A " 17 0 0 1 1 nginx -",
		"user " ID_A " 17 4294967295 0 1 1 nginx -",
		"user " ID_A " 17 1000 9223372036854775808 1 1 nginx -",
		"user " ID_A " 17 1000 1 1 nginx -",
		"user " ID_A " 17 7 0 1 1 a -\nuser " ID_A " 18 7 0 1 1 a -",
		"held " ID_A " 17 1 1 nginx -",
	};
	char text[1024];

	for (size_t i = 0; i < sizeof(of_users) / sizeof(*of_users); i++) {
		struct graft_quarantine *q = NULL;
		(void)snprintf(text, sizeof(text), "graft-quarantine 2\n%s\n",
			       of_users[i]);
		struct graft_error *err = parse(text, strlen(text), &q);
		assert_non_null(err);
		assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
		graft_error_free(err);
	}

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct graft_quarantine *q = NULL;
		(void)snprintf(text, sizeof(text), "graft-quarantine 1\n%s\n",
			       lines[i]);
		struct graft_error *err = parse(text, strlen(text), &q);
		assert_non_null(err);
		assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
		assert_non_null(strstr(graft_error_message(err), "q: line "));
		graft_error_free(err);
	}
}

static void
a_hotpatch_is_held_released_and_held_again(void **state)
{
	(void)state;
	char dir[] = "/tmp/graft-quarantine.XXXXXX";
	char path[64];
	struct graft_quarantine_change change = { { 1 }, { 2 } };
	struct graft_quarantine_entry entry = {
		.id = ID_A,
		.time_us = 5,
		.pid = 7,
		.signal = 11,
		.comm = "a b\n",
		.changes = &change,
		.change_count = 1,
	};
	GRAFT_CLEANUP(graft_quarantine_freep)
	struct graft_quarantine *q = NULL;

	assert_non_null(mkdtemp(dir));
	assert_null(graft_quarantine_read(dir, &q));
	assert_int_equal(q->count, 0);
	assert_null(graft_quarantine_set(q, &entry));
	assert_null(graft_quarantine_write(dir, q));
	graft_quarantine_free(GRAFT_TAKE(q));
	assert_null(graft_quarantine_read(dir, &q));
	assert_string_equal(graft_quarantine_find(q, ID_A)->comm, "a?b?");
	assert_non_null(graft_quarantine_find_change(q, &change));
	assert_null(graft_quarantine_find(q, ID_B));
	entry.released = true;
	assert_null(graft_quarantine_set(q, &entry));
	assert_int_equal(q->count, 1);
	assert_null(graft_quarantine_find_change(q, &change));
	assert_true(graft_quarantine_find(q, ID_A)->released);
	entry.released = false;
	assert_null(graft_quarantine_set(q, &entry));
	assert_non_null(graft_quarantine_find_change(q, &change));
	(void)snprintf(path, sizeof(path), "%s/quarantine", dir);
	assert_null(graft_file_write(path, "x", 1, 0600));
	struct graft_quarantine *bad = NULL;
	struct graft_error *err = graft_quarantine_read(dir, &bad);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
	(void)unlink(path);
	(void)rmdir(dir);
}

static void
what_is_held_for_a_user_is_held_for_nobody_else(void **state)
{
	(void)state;
	struct graft_quarantine_change change = { { 1 }, { 2 } };
	struct graft_quarantine_change other = { { 1 }, { 3 } };
	struct graft_quarantine_entry entry = {
		.id = ID_A,
		.of_user = true,
		.uid = 1000,
		.time_us = 5,
		.pid = 7,
		.signal = 11,
		.comm = "a",
		.changes = &change,
		.change_count = 1,
	};
	GRAFT_CLEANUP(graft_quarantine_freep)
	struct graft_quarantine *q = calloc(1, sizeof(*q));

	assert_null(graft_quarantine_set(q, &entry));
	assert_null(graft_quarantine_find(q, ID_A));
	assert_null(graft_quarantine_find_change(q, &change));
	assert_non_null(graft_quarantine_find_user(q, ID_A, 1000));
	assert_null(graft_quarantine_find_user(q, ID_A, 1001));
	// The same change under another id.
	assert_non_null(graft_quarantine_next_user(q, NULL, ID_B, &change, 1));
	assert_null(graft_quarantine_next_user(q, NULL, ID_B, &other, 1));
	// A revert by hand says something, one of graftd's does not.
	assert_false(graft_quarantine_excuses(q, ID_A, 6));
	entry.taken_us = 6;
	assert_null(graft_quarantine_set(q, &entry));
	assert_int_equal(q->count, 1);
	assert_true(graft_quarantine_excuses(q, ID_A, 6));
	assert_false(graft_quarantine_excuses(q, ID_A, 7));
	assert_false(graft_quarantine_excuses(q, ID_B, 6));
	entry.uid = 1001;
	assert_null(graft_quarantine_set(q, &entry));
	assert_int_equal(q->count, 2);
	// What is held for all leaves nothing to say of users; so does a release.
	entry.of_user = false;
	entry.uid = 0;
	assert_null(graft_quarantine_set(q, &entry));
	assert_int_equal(q->count, 1);
	assert_non_null(graft_quarantine_find_change(q, &change));
}

static void
one_user_fills_no_quarantine(void **state)
{
	(void)state;
	struct graft_quarantine_entry entry = {
		.of_user = true,
		.pid = 7,
		.signal = 11,
		.comm = "a",
	};
	GRAFT_CLEANUP(graft_quarantine_freep)
	struct graft_quarantine *q = calloc(1, sizeof(*q));

	for (unsigned i = 0; i < 2 * GRAFT_QUARANTINE_USER_MAX; i++) {
		(void)snprintf(entry.id, sizeof(entry.id), "%032x", i);
		entry.time_us = i;
		entry.uid = 1000;
		assert_null(graft_quarantine_set(q, &entry));
		entry.uid = 1001;
		if (i < 2)
			assert_null(graft_quarantine_set(q, &entry));
	}
	assert_int_equal(q->count, GRAFT_QUARANTINE_USER_MAX + 2);
	// The last ones are there, and those of others.
	assert_non_null(graft_quarantine_find_user(q, entry.id, 1000));
	(void)snprintf(entry.id, sizeof(entry.id), "%032x", 0U);
	assert_null(graft_quarantine_find_user(q, entry.id, 1000));
	assert_non_null(graft_quarantine_find_user(q, entry.id, 1001));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_decodes_to_the_same),
		cmocka_unit_test(
			every_file_that_is_cut_off_in_a_line_is_refused),
		cmocka_unit_test(
			every_changed_byte_is_refused_or_read_as_another_file),
		cmocka_unit_test(what_is_malformed_is_refused_with_its_line),
		cmocka_unit_test(a_hotpatch_is_held_released_and_held_again),
		cmocka_unit_test(
			what_is_held_for_a_user_is_held_for_nobody_else),
		cmocka_unit_test(one_user_fills_no_quarantine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
