// SPDX-License-Identifier: Apache-2.0

// What is said over the socket of graftd.

#include "agent/request.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef"

static void
each_verb_is_printed_and_read(void **state)
{
	(void)state;
	for (int i = 0; i < GRAFT_REQUEST_COUNT; i++) {
		struct graft_request request = {
			.verb = (enum graft_request_verb)i,
		};
		struct graft_request got;
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		if (i == GRAFT_REQUEST_RELEASE)
			memcpy(request.id, ID, sizeof(ID));
		assert_null(graft_request_print(&request, &text));
		assert_null(graft_request_parse(text.str, text.len, &got));
		assert_int_equal(got.verb, i);
		assert_string_equal(got.id, request.id);
	}
	assert_false(graft_request_changes(GRAFT_REQUEST_STATUS));
	assert_false(graft_request_changes(GRAFT_REQUEST_METRICS));
	assert_true(graft_request_changes(GRAFT_REQUEST_SYNC));
	assert_true(graft_request_changes(GRAFT_REQUEST_RELEASE));
}

static void
what_is_malformed_is_refused(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"",
		"\n",
		"status",
		"[]",
		"{}",
		"{\"verb\":1}",
		"{\"verb\":\"stat\"}",
		"{\"verb\":\"STATUS\"}",
		"{\"verb\":\"status\"",
		"{\"verb\":\"status\"}x",
		"{\"verb\":\"status\"}\n{\"verb\":\"status\"}\n",
		"{\"verb\":\"status\",\"verb\":\"sync\"}",
		"{\"verb\":\"status\",\"more\":\"x\"}",
		"{\"verb\":\"status\",\"id\":\"" ID "\"}",
		"{\"verb\":\"release\"}",
		"{\"verb\":\"release\",\"id\":\"\"}",
		"{\"verb\":\"release\",\"id\":\"" ID "0\"}",
		"{\"verb\":\"release\",\"id\":\"0123456789ABCDEF0123456789abcdef\"}",
		"{\"verb\":\"release\",\"id\":\"../../../../../../../etc/passwdx\"}",
		"{\"verb\":\"\\u0073tatus\"}",
		"{\"verb\":{\"verb\":\"status\"}}",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct graft_request got;
		struct graft_error *err =
			graft_request_parse(lines[i], strlen(lines[i]), &got);
		if (!err)
			fail_msg("taken: %s", lines[i]);
		assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
		graft_error_free(err);
	}
	static char huge[GRAFT_REQUEST_MAX + 1];
	struct graft_request got;
	memset(huge, '[', sizeof(huge));
	struct graft_error *err = graft_request_parse(huge, sizeof(huge), &got);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_LIMIT);
	graft_error_free(err);
	err = graft_request_parse(huge, GRAFT_REQUEST_MAX, &got);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
}

static void
an_error_is_an_object_with_its_code(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
						  "not \"you\"");

	assert_null(graft_request_print_error(err, &text));
	assert_string_equal(
		graft_text_str(&text),
		"{\"error\":{\"code\":\"not-permitted\",\"message\":\"not \\\"you\\\"\",\"status\":86}}\n");
	graft_error_free(err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_verb_is_printed_and_read),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(an_error_is_an_object_with_its_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
