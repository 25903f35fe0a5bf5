// SPDX-License-Identifier: Apache-2.0

#include "patch/manifest.h"

#include "patch/limits.h"
#include "sample.h"

static struct graft_error *
decode(const char *json, size_t len)
{
	struct graft_patch *patch = NULL;
	struct graft_manifest_elf *elfs = NULL;
	GRAFT_CLEANUP(graft_manifest_disks_deinit)
	struct graft_manifest_disks disks = { 0 };

	struct graft_error *err = graft_manifest_decode(json, len, &patch,
							&elfs, &disks);
	assert_true(!err == (patch && elfs));
	graft_patch_free(patch);
	free(elfs);
	return err;
}

static void
encode_sample(struct graft_text *out)
{
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();
	const struct graft_manifest_elf elfs[3] = { { .size = 1000 } };

	const struct graft_manifest_disks disks = { 0 };
	sample_ok(graft_manifest_encode(patch, elfs, &disks, out));
}

static void
every_cut_of_a_manifest_is_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };

	encode_sample(&out);
	sample_ok(decode(out.str, out.len));
	for (size_t len = 0; len < out.len; len++) {
		GRAFT_FREE char *cut = malloc(len + !len);
		assert_non_null(cut);
		memcpy(cut, out.str, len);
		sample_refused(decode(cut, len), GRAFT_ERROR_BAD_INPUT, NULL);
	}
}

/** Insert @p what behind @p where, make the id right, and expect a refusal. */
static void
refuse_insert(const char *where, const char *what)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text whole = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	char id[GRAFT_PATCH_ID_LEN + 1];

	encode_sample(&whole);
	const char *at = strstr(whole.str, where);
	assert_non_null(at);
	at += strlen(where);
	graft_text_put_bytes(&out, whole.str, (size_t)(at - whole.str));
	graft_text_put(&out, what);
	graft_text_put(&out, at);
	sample_ok(graft_manifest_id(out.str, out.len, id));
	memcpy(out.str + GRAFT_MANIFEST_ID_OFF, id, GRAFT_PATCH_ID_LEN);
	struct graft_error *err = decode(out.str, out.len);
	if (!err)
		fail_msg("accepted: %s", what);
	sample_refused(err, GRAFT_ERROR_BAD_INPUT, NULL);
}

static void
what_is_unknown_twice_or_misplaced_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *where;
		const char *what;
	} table[] = {
		{ "\"toolchain\":\"graft 0.1\",", "\"surprise\":1," },
		{ "\"toolchain\":\"graft 0.1\",", "\"toolchain\":\"\"," },
		// Its message is still one line: sample_refused() looks.
		{ "\"elf\":{", "\"a\\nb\":1," },
		{ "\"carried\":2", ",\"a\\nb\":1" },
		{ "\"cves\":[\"CVE-2026-0001\"", ",7" },
		{ "\"cves\":[\"CVE-2026-0001\"", ",null" },
		{ "\"cves\":[\"CVE-2026-0001\"", ",\"\"" },
		{ "\"cves\":[\"CVE-2026-0001\"", "," },
		{ "\"reasons\":[", "{\"rule\":\"R-01\"}," },
		{ "\"reasons\":[", "[]," },
		{ "\"functions\":{", "\"x\":1," },
		{ "\"elf\":{", "\"size\":1," },
		{ "\"modules\":[", "7," },
		{ "\"modules\":[", " " },
		{ "\"old\":1", "00000000000" },
		{ "]}\n", "\n" },
		{ "]}\n", "x" },
		{ "graft 0.1", "\\u0030" },
		{ "graft 0.1", "\\/" },
		{ "graft 0.1", "\t" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		refuse_insert(table[i].where, table[i].what);
}

static void
deep_or_huge_json_is_refused_before_it_is_parsed(void **state)
{
	(void)state;
	const size_t len = (size_t)4 << 20;
	GRAFT_FREE char *json = sample_alloc(1, len);

	memset(json, '[', len);
	sample_refused(decode(json, len), GRAFT_ERROR_LIMIT, "deep");
	json[0] = '[';
	for (size_t i = 1; i < len; i += 2) {
		json[i] = '1';
		json[i + 1] = ',';
	}
	sample_refused(decode(json, len), GRAFT_ERROR_LIMIT, "many");
	// One string of 4 MiB.
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	graft_text_printf(&out,
			  GRAFT_MANIFEST_START
			  "00000000000000000000000000000000\",\"title\":\"",
			  1);
	memset(json, 'x', len);
	graft_text_put_bytes(&out, json, len);
	graft_text_put(&out, "\"}");
	sample_refused(decode(out.str, out.len), GRAFT_ERROR_BAD_INPUT,
		       "too long");
}

static void
what_is_no_manifest_is_refused(void **state)
{
	(void)state;
	static const char *const table[] = {
		"",
		"{",
		"{}",
		"[]",
		"null",
		"1",
		"\"\"",
		"{]",
		"{\"format\":}",
		"{\"format\":\"1\"}",
		"\0",
		"\x80",
		"{\"format\":1}",
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		sample_refused(decode(table[i], strlen(table[i])),
			       GRAFT_ERROR_BAD_INPUT, NULL);
	sample_refused(decode("\0{}", 3), GRAFT_ERROR_BAD_INPUT, NULL);
}

static void
a_newer_format_is_named_whatever_else_it_has(void **state)
{
	(void)state;
	static const char json[] = "{\"format\":9,\"shape\":[{\"new\":true}]}";

	sample_refused(decode(json, sizeof(json) - 1), GRAFT_ERROR_UNSUPPORTED,
		       "made by a newer graft (format 9)");
}

static void
members_are_named_after_builds(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_small();
	struct graft_patch_module *m = &patch->modules[0];
	char name[GRAFT_TAR_NAME_LEN];

	m->old_build_id_len = 2;
	graft_manifest_member(patch, 0, name);
	assert_string_equal(name, "modules/2002.elf");
	m->old_build_id_len = 0;
	graft_manifest_member(patch, 0, name);
	assert_int_equal(strlen(name), 8 + 64 + 4);
	// Too long for a tar header: the hash instead.
	m->old_build_id_len = GRAFT_PATCH_BUILD_ID_MAX;
	graft_manifest_member(patch, 0, name);
	assert_int_equal(strlen(name), 8 + 64 + 4);
	assert_memory_equal(name + 8, "000306", 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_of_a_manifest_is_refused),
		cmocka_unit_test(what_is_unknown_twice_or_misplaced_is_refused),
		cmocka_unit_test(
			deep_or_huge_json_is_refused_before_it_is_parsed),
		cmocka_unit_test(what_is_no_manifest_is_refused),
		cmocka_unit_test(a_newer_format_is_named_whatever_else_it_has),
		cmocka_unit_test(members_are_named_after_builds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
