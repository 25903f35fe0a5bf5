// SPDX-License-Identifier: Apache-2.0

// Strict JSON: what is read, what is refused, and canonical JSON of it.

#include "base/text.h"
#include "trust/canonical.h"
#include "trust/document.h"
#include "trust/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// The canonical form of a document, to be freed.
static char *
canonical(const char *json)
{
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;
	uint8_t *bytes = NULL;
	size_t len = 0;

	struct graft_error *err = graft_document_parse(json, strlen(json),
						       &document);
	if (!err)
		err = graft_canonical_make(graft_document_root(document),
					   &bytes, &len);
	if (err)
		fail_msg("%s: %s", json, graft_error_message(err));
	assert_true(len <= strlen(json));
	char *text = strndup((const char *)bytes, len);
	free(bytes);
	assert_non_null(text);
	return text;
}

static void
becomes(const char *json, const char *expected)
{
	GRAFT_FREE char *text = canonical(json);

	assert_string_equal(text, expected);
}

static void
refused_bytes(const char *json, size_t len, enum graft_error_code code,
	      const char *message)
{
	struct graft_document *document = NULL;
	struct graft_error *err = graft_document_parse(json, len, &document);

	assert_non_null(err);
	assert_null(document);
	assert_int_equal(graft_error_code(err), code);
	assert_string_equal(graft_error_message(err), message);
	graft_error_free(err);
}

static void
refused(const char *json, const char *message)
{
	refused_bytes(json, strlen(json), GRAFT_ERROR_BAD_INPUT, message);
}

static void
members_stand_in_the_order_of_their_keys(void **state)
{
	(void)state;
	becomes("{\"b\": 1, \"a\": [3, 2, 1], \"\": {\"z\": {}, \"y\": []}}",
		"{\"\":{\"y\":[],\"z\":{}},\"a\":[3,2,1],\"b\":1}");
	becomes("{\"aa\":1,\"a\":2,\"b\":3,\"A\":4}",
		"{\"A\":4,\"a\":2,\"aa\":1,\"b\":3}");
	// By bytes: U+E000 before U+10000, other than by UTF-16.
	becomes("{\"\\ud800\\udc00\":1,\"\\ue000\":2}",
		"{\"\xee\x80\x80\":2,\"\xf0\x90\x80\x80\":1}");
}

// Few members change places where they stand, many by a copy.
static void
members_are_sorted_however_many_they_are(void **state)
{
	static const int counts[] = { 2, 3, 31, 32, 33, 500 };

	(void)state;
	for (size_t k = 0; k < sizeof(counts) / sizeof(*counts); k++) {
		const int count = counts[k];
		GRAFT_CLEANUP(graft_text_deinit)
		struct graft_text mixed = { 0 };
		GRAFT_CLEANUP(graft_text_deinit)
		struct graft_text sorted = { 0 };
		for (int i = 0; i < count; i++) {
			// 997 has no divisor in common with a count.
			int n = (i * 997 + 3) % count;
			graft_text_printf(&mixed,
					  "%c\"k%03d\":{\"b\":[%d,%d],\"a\":"
					  "{\"y\":1,\"x\":[{},%d]}}",
					  i ? ',' : '{', n, n, n, n);
			graft_text_printf(&sorted,
					  "%c\"k%03d\":{\"a\":{\"x\":[{},%d],"
					  "\"y\":1},\"b\":[%d,%d]}",
					  i ? ',' : '{', i, i, i, i);
		}
		graft_text_put(&mixed, "}");
		graft_text_put(&sorted, "}");
		becomes(mixed.str, sorted.str);
	}
}

static void
only_quote_and_backslash_are_escaped(void **state)
{
	(void)state;
	becomes("\"a\\n\\t\\/\\\\\\\"\\u00e9\\u0041\xc3\xa9\"",
		"\"a\n\t/\\\\\\\"\xc3\xa9"
		"A\xc3\xa9\"");
	becomes(" [ true , false , null , 0 , -1 , 9223372036854775807 ] ",
		"[true,false,null,0,-1,9223372036854775807]");
}

static void
a_key_that_stands_twice_is_refused(void **state)
{
	(void)state;
	refused("{\"a\":1,\"a\":1}", "byte 13: an object has a key twice");
	refused("{\"a\":1,\"b\":2,\"\\u0061\":3}",
		"byte 24: an object has a key twice");
	refused("[{\"x\":{\"k\":1,\"c\":2,\"k\":3}}]",
		"byte 25: an object has a key twice");
}

static void
numbers_have_one_form(void **state)
{
	(void)state;
	refused("1.0", "byte 1: a number that is no whole number");
	refused("1e3", "byte 1: a number that is no whole number");
	refused("01", "byte 0: a number in a form that is not unique");
	refused("-0", "byte 1: a number in a form that is not unique");
	refused("-", "byte 1: a value is expected");
	refused("+1", "byte 0: a value is expected");
	refused_bytes("9223372036854775808", 19, GRAFT_ERROR_LIMIT,
		      "byte 18: a number is too large");
}

static void
text_is_utf8_without_a_nul(void **state)
{
	(void)state;
	refused("\"\\u0000\"", "byte 7: a NUL in a string");
	refused("\"\\ud800\"", "byte 7: half a surrogate pair");
	refused("\"\\udc00\"", "byte 7: half a surrogate pair");
	refused("\"\\ud800\\u0041\"", "byte 13: half a surrogate pair");
	refused("\"\\u00g0\"", "byte 3: \\u needs four hexadecimal digits");
	refused("\"\\x\"", "byte 2: no such escape");
	refused("\"\n\"", "byte 1: a control character in a string");
	refused("\"\xff\"", "byte 1: no UTF-8");
	refused("\"\xc0\x80\"", "byte 1: no UTF-8");
	refused("\"\xed\xa0\x80\"", "byte 1: no UTF-8");
	refused("\"\xf4\x90\x80\x80\"", "byte 1: no UTF-8");
	refused("\"\xe2\x82", "byte 1: no UTF-8");
	refused("\xef\xbb\xbf{}", "byte 0: a value is expected");
	refused_bytes("\"a\0b\"", 5, GRAFT_ERROR_BAD_INPUT,
		      "byte 2: a control character in a string");
}

static void
nothing_is_guessed(void **state)
{
	(void)state;
	refused("", "byte 0: a value is expected");
	refused("{", "byte 1: a key is expected");
	refused("{\"a\"", "byte 4: ':' is expected");
	refused("{\"a\":}", "byte 5: a value is expected");
	refused("{\"a\":1", "byte 6: ',' or '}' is expected");
	refused("{\"a\":1,}", "byte 7: a key is expected");
	refused("[1,]", "byte 3: a value is expected");
	refused("[1 2]", "byte 3: ',' or ']' is expected");
	refused("{a:1}", "byte 1: a key is expected");
	refused("{} {}", "byte 3: something stands behind the value");
	refused("tru", "byte 0: a value is expected");
	refused("\"abc", "byte 4: a string without an end");
	refused_bytes("{}\0", 3, GRAFT_ERROR_BAD_INPUT,
		      "byte 2: something stands behind the value");
}

static void
depth_and_strings_are_bounded(void **state)
{
	char deep[2 * GRAFT_TRUST_DEPTH_MAX + 3];
	static char text[GRAFT_TRUST_STRING_MAX + 4];

	(void)state;
	memset(deep, '[', GRAFT_TRUST_DEPTH_MAX + 1);
	refused_bytes(deep, GRAFT_TRUST_DEPTH_MAX + 1, GRAFT_ERROR_LIMIT,
		      "byte 32: too deep");
	memset(deep + GRAFT_TRUST_DEPTH_MAX, ']', GRAFT_TRUST_DEPTH_MAX);
	deep[2 * GRAFT_TRUST_DEPTH_MAX] = '\0';
	becomes(deep, deep);
	memset(text, 'a', sizeof(text));
	text[0] = '"';
	text[GRAFT_TRUST_STRING_MAX + 2] = '"';
	refused_bytes(text, GRAFT_TRUST_STRING_MAX + 3, GRAFT_ERROR_LIMIT,
		      "byte 65539: a string is too long");
}

static void
every_prefix_is_refused(void **state)
{
	static const char json[] =
		"{\"a\":[1,-2,true,null,\"\\u00e9\xc3\xa9\\n\"],\"b\":{\"c\":{}}}";

	(void)state;
	for (size_t len = 0; len < strlen(json); len++) {
		struct graft_document *document = NULL;
		// In memory of its own, so that a read behind the end is seen.
		GRAFT_FREE char *copy = malloc(len + 1);
		assert_non_null(copy);
		memcpy(copy, json, len);
		struct graft_error *err = graft_document_parse(copy, len,
							       &document);
		assert_non_null(err);
		assert_null(document);
		graft_error_free(err);
	}
}

static void
members_are_found_by_name(void **state)
{
	static const char json[] = "{\"b\":{\"n\":7},\"a\":[{}],\"ab\":true}";
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;

	(void)state;
	assert_null(graft_document_parse(json, strlen(json), &document));
	const struct graft_node *root = graft_document_root(document);
	const struct graft_node *n = graft_node_get(graft_node_get(root, "b"),
						    "n");
	assert_true(graft_node_is(n, GRAFT_NODE_INTEGER));
	assert_int_equal(n->number, 7);
	assert_true(graft_node_is(graft_node_get(root, "ab"), GRAFT_NODE_TRUE));
	assert_null(graft_node_get(root, "c"));
	assert_null(graft_node_get(n, "c"));
	assert_null(graft_node_get(NULL, "c"));
}

static void
values_are_equal_if_they_say_the_same(void **state)
{
	// Those of one line are equal, and no others.
	static const char *const texts[][2] = {
		{ "{\"a\":1,\"b\":[]}", "{ \"b\" : [ ], \"a\" : 1 }" },
		{ "{\"a\":1,\"b\":{}}", "{\"a\":1,\"b\":{}}" },
		{ "{\"a\":2,\"b\":[]}", "{\"b\":[],\"a\":2}" },
		{ "{\"a\":1,\"c\":[]}", "{\"a\":1,\"c\":[]}" },
		{ "[[],1]", "[ [] , 1 ]" },
		{ "[[1]]", "[[1]]" },
		{ "[1,[]]", "[1,[]]" },
		{ "[true]", "[true]" },
		{ "[false]", "[false]" },
		{ "\"1\"", "\"\\u0031\"" },
		{ "1", " 1" },
	};
	enum { COUNT = sizeof(texts) / sizeof(*texts) };

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t k = 0; k < COUNT; k++) {
			GRAFT_CLEANUP(graft_document_freep)
			struct graft_document *a = NULL;
			GRAFT_CLEANUP(graft_document_freep)
			struct graft_document *b = NULL;
			assert_null(graft_document_parse(
				texts[i][0], strlen(texts[i][0]), &a));
			assert_null(graft_document_parse(
				texts[k][1], strlen(texts[k][1]), &b));
			assert_int_equal(
				graft_node_equal(graft_document_root(a),
						 graft_document_root(b)),
				i == k);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_stand_in_the_order_of_their_keys),
		cmocka_unit_test(members_are_sorted_however_many_they_are),
		cmocka_unit_test(only_quote_and_backslash_are_escaped),
		cmocka_unit_test(a_key_that_stands_twice_is_refused),
		cmocka_unit_test(numbers_have_one_form),
		cmocka_unit_test(text_is_utf8_without_a_nul),
		cmocka_unit_test(nothing_is_guessed),
		cmocka_unit_test(depth_and_strings_are_bounded),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(members_are_found_by_name),
		cmocka_unit_test(values_are_equal_if_they_say_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
