// SPDX-License-Identifier: Apache-2.0

// What graft answers when graftd runs it.

#include "agent/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID  "0123456789abcdef0123456789abcdef"
#define SHA "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

typedef struct graft_error *
parse_fn(const char *text, size_t len, struct graft_answer **ret);

static struct graft_answer *
good(parse_fn *parse, const char *text)
{
	struct graft_answer *answer = NULL;
	struct graft_error *err = parse(text, strlen(text), &answer);

	if (err)
		fail_msg("%s", graft_error_message(err));
	return answer;
}

static void
bad(parse_fn *parse, const char *text, enum graft_error_code code)
{
	struct graft_answer *answer = NULL;
	struct graft_error *err = parse(text, strlen(text), &answer);

	if (!err)
		fail_msg("taken: %s", text);
	assert_null(answer);
	assert_int_equal(graft_error_code(err), code);
	graft_error_free(err);
}

static void
what_sync_did_is_read(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_answer_freep)
	struct graft_answer *answer = good(
		graft_answer_parse_sync,
		"{\"processes\":[{\"pid\":7,\"comm\":\"a\",\"action\":\"hotpatched\",\"id\":\"" ID
		"\"},{\"pid\":8,\"action\":\"restart\",\"why\":\"R-02\"},"
		"{\"pid\":9,\"action\":\"hotpatched-before\"}],\"looked_at\":3}\n");

	assert_int_equal(answer->count, 3);
	assert_int_equal(answer->items[0].pid, 7);
	assert_int_equal(answer->items[0].result, GRAFT_ANSWER_DONE);
	assert_string_equal(answer->items[0].id, ID);
	assert_int_equal(answer->items[1].result, GRAFT_ANSWER_RESTART);
	assert_string_equal(answer->items[1].why, "R-02");
	assert_int_equal(answer->items[2].result, GRAFT_ANSWER_NOTHING);
}

static void
what_apply_and_status_say_is_read(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_answer_freep)
	struct graft_answer *applied = good(
		graft_answer_parse_outcomes,
		"{\"id\":\"" ID
		"\",\"processes\":[{\"pid\":7,\"result\":\"applied\"},{\"pid\":8,"
		"\"result\":\"refused\",\"error\":{\"message\":\"R-13\"}}]}");
	GRAFT_CLEANUP(graft_answer_freep)
	struct graft_answer *held =
		good(graft_answer_parse_status,
		     "{\"processes\":[{\"pid\":7,\"hotpatches\":[{\"id\":\"" ID
		     "\",\"state\":\"applied\"},{\"id\":\"" ID
		     "\",\"state\":\"reverted\"}]}]}");

	assert_int_equal(applied->count, 2);
	assert_int_equal(applied->items[0].result, GRAFT_ANSWER_DONE);
	assert_string_equal(applied->items[1].why, "R-13");
	assert_int_equal(held->count, 1);
	assert_int_equal(held->items[0].result, GRAFT_ANSWER_HOLDS);
}

static void
what_show_says_is_read(void **state)
{
	(void)state;
	static const char text[] =
		"{\"id\":\"" ID
		"\",\"modules\":[{\"path\":\"/a\",\"verdict\":\"identical\"},"
		"{\"path\":\"/b\",\"verdict\":\"hotpatch\",\"old_build_id\":\"cafe\","
		"\"old_sha256\":\"" SHA "\",\"new_sha256\":\"" SHA "\"}]}";
	GRAFT_CLEANUP(graft_answer_patch_deinit)
	struct graft_answer_patch patch = { 0 };

	assert_null(graft_answer_parse_show(text, strlen(text), &patch));
	assert_int_equal(patch.count, 1);
	assert_string_equal(patch.modules[0].path, "/b");
	assert_int_equal(patch.modules[0].build_id_len, 2);
	assert_int_equal(patch.modules[0].change.new_sha256[1], 0x11);
	// All of it is needed.
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		struct graft_answer_patch none = { 0 };
		struct graft_error *err = graft_answer_parse_show(text, len,
								  &none);
		assert_non_null(err);
		graft_error_free(err);
	}
}

static void
what_is_malformed_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"processes\":{}}",
		"{\"processes\":[{}]}",
		"{\"processes\":[{\"pid\":0,\"action\":\"restart\"}]}",
		"{\"processes\":[{\"pid\":1.5,\"action\":\"restart\"}]}",
		"{\"processes\":[{\"pid\":4294967297,\"action\":\"restart\"}]}",
		"{\"processes\":[{\"pid\":\"1\",\"action\":\"restart\"}]}",
		"{\"processes\":[{\"pid\":1,\"action\":\"other\"}]}",
		"{\"processes\":[{\"pid\":1,\"action\":\"hotpatched\"}]}",
		"{\"processes\":[{\"pid\":1,\"action\":\"hotpatched\",\"id\":\"../x\"}]}",
		"{\"processes\":[]}x",
		"{\"processes\":[]}{\"processes\":[]}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		bad(graft_answer_parse_sync, texts[i], GRAFT_ERROR_BAD_INPUT);
	bad(graft_answer_parse_outcomes,
	    "{\"processes\":[{\"pid\":1,\"result\":\"applied\"}]}",
	    GRAFT_ERROR_BAD_INPUT);
	bad(graft_answer_parse_status, "{\"processes\":[{\"pid\":1}]}",
	    GRAFT_ERROR_BAD_INPUT);
	bad(graft_answer_parse_sync,
	    "{\"error\":{\"code\":\"os\",\"message\":\"no space\"}}",
	    GRAFT_ERROR_REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_sync_did_is_read),
		cmocka_unit_test(what_apply_and_status_say_is_read),
		cmocka_unit_test(what_show_says_is_read),
		cmocka_unit_test(what_is_malformed_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
