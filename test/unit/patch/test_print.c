// SPDX-License-Identifier: Apache-2.0

#include "patch/print.h"

#include "sample.h"

#include <cjson/cJSON.h>

static void
text_says_what_and_why_and_what_not(void **state)
{
	(void)state;
	static const char *const parts[] = {
		"CVE-2026-0001",
		"libsample1",
		"1.2-1+deb12u1",
		"verdict        baseline: a restart is needed",
		"usr/lib/x86_64-linux-gnu/libsample.so.1.2 (libsample.so.1)",
		"changed 1, added 1, carried 2",
		"note R-21: parse \"x\\y\" (0x1234): a constant",
		"0x1200       -> 0x1300           64  parse",
		"code 96, constants 16, data 104 bytes in 5 runs on 4 pages",
		"inferred:",
		"lock protocols",
		"invariants that data built by OLD do not keep",
		"formats on disk or wire",
		"copies of the same code inlined into other packages",
		"    R-04: ",
		"12345 bytes",
	};
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_patch_print_text(patch, 12345, &text);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (!strstr(graft_text_str(&text), parts[i]))
			fail_msg("no \"%s\" in:\n%s", parts[i], text.str);
	}
	assert_string_equal(graft_assurance_caveat(GRAFT_ASSURANCE_NONE), "");
}

static void
text_keeps_control_characters_from_the_terminal(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	free(patch->title);
	patch->title = sample_str("\x1b[2J");
	patch->modules[0].path[0] = '\x1b';
	graft_patch_print_text(patch, 0, &text);
	assert_null(strchr(graft_text_str(&text), '\x1b'));
	assert_non_null(strstr(text.str, "\\x1b[2J"));
}

static double
number(const cJSON *json, const char *key)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, key);
	assert_true(cJSON_IsNumber(value));
	return value->valuedouble;
}

static void
json_of_diff_has_the_promised_keys(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	sample_ok(graft_patch_print_diff_json(patch, &text));
	sample_ok(graft_patch_encode(patch, &bytes, &len));
	cJSON *root = cJSON_Parse(graft_text_str(&text));
	assert_non_null(root);
	assert_true(number(root, "package_bytes") == (double)len);
	const cJSON *modules = cJSON_GetObjectItem(root, "modules");
	assert_int_equal(cJSON_GetArraySize(modules), 3);
	const cJSON *m = cJSON_GetArrayItem(modules, 0);
	static const char *const strings[] = { "path",         "soname",
					       "old_build_id", "new_build_id",
					       "verdict",      "assurance" };
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		assert_true(cJSON_IsString(
			cJSON_GetObjectItemCaseSensitive(m, strings[i])));
	const cJSON *reason =
		cJSON_GetArrayItem(cJSON_GetObjectItem(m, "reasons"), 0);
	assert_string_equal(cJSON_GetObjectItem(reason, "where")->valuestring,
			    "parse \"x\\y\" (0x1234)");
	assert_string_equal(cJSON_GetObjectItem(reason, "rule")->valuestring,
			    "R-21");
	const cJSON *functions = cJSON_GetObjectItem(m, "functions");
	assert_true(number(functions, "old") == 100);
	assert_true(number(functions, "carried") == 2);
	assert_true(number(m, "carried_bytes") == 112);
	assert_true(number(m, "package_bytes") > 100);
	assert_true(number(cJSON_GetArrayItem(modules, 1), "package_bytes") ==
		    0);
	assert_true(cJSON_IsNull(
		cJSON_GetObjectItem(cJSON_GetArrayItem(modules, 1), "soname")));
	cJSON_Delete(root);
}

static void
json_of_a_hotpatch_is_json_whatever_its_names(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	free(patch->title);
	patch->title = sample_str("\xff\n\x01\"\\");
	graft_patch_print_json(patch, 77, &text);
	cJSON *root = cJSON_Parse(graft_text_str(&text));
	assert_non_null(root);
	assert_true(number(root, "package_bytes") == 77);
	assert_string_equal(cJSON_GetObjectItem(root, "verdict")->valuestring,
			    "baseline");
	const cJSON *m =
		cJSON_GetArrayItem(cJSON_GetObjectItem(root, "modules"), 0);
	assert_int_equal(
		cJSON_GetArraySize(cJSON_GetObjectItem(m, "redirects")), 2);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(m, "runs")), 5);
	cJSON_Delete(root);
}

static void
json_of_what_cannot_be_encoded_is_an_error(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	patch->modules[0].align = 3;
	sample_refused(graft_patch_print_diff_json(patch, &text),
		       GRAFT_ERROR_BAD_INPUT, "alignment");
	assert_int_equal(text.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_says_what_and_why_and_what_not),
		cmocka_unit_test(
			text_keeps_control_characters_from_the_terminal),
		cmocka_unit_test(json_of_diff_has_the_promised_keys),
		cmocka_unit_test(json_of_a_hotpatch_is_json_whatever_its_names),
		cmocka_unit_test(json_of_what_cannot_be_encoded_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
