// SPDX-License-Identifier: Apache-2.0

// JSON that is written, and objects with members exchanged.

#include "base/cleanup.h"
#include "trust/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct graft_document *
parse(const char *json)
{
	struct graft_document *document = NULL;
	struct graft_error *err = graft_document_parse(json, strlen(json),
						       &document);

	if (err)
		fail_msg("%s: %s", json, graft_error_message(err));
	return document;
}

static void
a_value_is_written_as_it_was_read(void **state)
{
	static const char *const values[] = {
		"{}",
		"[]",
		"[1,-7,0,true,false,null,\"\"]",
		"{\"a\":{\"b\":[{\"c\":1},{}]},\"z\":[]}",
		"\"\\\"\\\\\\n\\u0001\\u001f\xc3\xa9\"",
		// What a terminal would obey, and what it would print.
		"\"\\u007f\\u0080\\u009b2J\\u009f\xc2\xa0\xc3\x80~\"",
		"9223372036854775807",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		GRAFT_CLEANUP(graft_document_freep)
		struct graft_document *document = parse(values[i]);
		graft_json_put_node(&text, graft_document_root(document));
		assert_string_equal(graft_text_str(&text), values[i]);
	}
}

static void
members_are_exchanged_added_and_left_out(void **state)
{
	static const struct {
		const char *object;
		struct graft_json_member members[3];
		size_t count;
		const char *expect;
	} rows[] = {
		{ "{\"b\":1,\"d\":2}",
		  { { NULL, NULL } },
		  0,
		  "{\"b\":1,\"d\":2}" },
		{ "{\"b\":1,\"d\":2}",
		  { { "e", "5" }, { "a", "3" }, { "c", "4" } },
		  3,
		  "{\"a\":3,\"b\":1,\"c\":4,\"d\":2,\"e\":5}" },
		{ "{\"b\":1,\"d\":2}",
		  { { "d", "{\"x\":1}" }, { "b", NULL } },
		  2,
		  "{\"d\":{\"x\":1}}" },
		{ "{\"b\":1}",
		  { { "a", NULL }, { "c", NULL } },
		  2,
		  "{\"b\":1}" },
		{ "{}", { { "\"", "1" } }, 1, "{\"\\\"\":1}" },
		{ NULL,
		  { { "b", "1" }, { "a", "2" } },
		  2,
		  "{\"a\":2,\"b\":1}" },
		{ NULL, { { NULL, NULL } }, 0, "{}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct graft_json_member members[3];
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		GRAFT_CLEANUP(graft_document_freep)
		struct graft_document *document =
			rows[i].object ? parse(rows[i].object) : NULL;
		memcpy(members, rows[i].members, sizeof(members));
		graft_json_put_merged(
			&text, document ? graft_document_root(document) : NULL,
			members, rows[i].count);
		assert_string_equal(graft_text_str(&text), rows[i].expect);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_written_as_it_was_read),
		cmocka_unit_test(members_are_exchanged_added_and_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
