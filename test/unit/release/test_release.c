// SPDX-License-Identifier: Apache-2.0

// A release as JSON, read strictly; and what a person says of one.

#include "base/cleanup.h"
#include "release/release.h"
#include "release/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char good[] =
	"{\"articles\":[\"https://example.org/1\"],\"classification\":\"security\",\"cumulative\":\"GP-2026-0041\","
	"\"cves\":[\"CVE-2026-1234\"],\"date\":\"2026-11-10\",\"format\":1,"
	"\"forms\":[{\"kind\":\"delta\",\"length\":7,\"path\":\"pool/GP-2026-0042/x.graft\",\"sha256\":"
	"\"0000000000000000000000000000000000000000000000000000000000000000\"}],"
	"\"id\":\"GP-2026-0042\",\"keeps_track\":true,\"leaves_track\":0,\"level\":\"2026-11\",\"line\":\"hotpatch\","
	"\"modules\":[{\"assurance\":\"proven\",\"new_build_id\":\"bb\",\"old_build_id\":\"aa\",\"path\":\"usr/lib/x.so\","
	"\"verdict\":\"hotpatch\"}],"
	"\"packages\":[{\"name\":\"x\",\"old_version\":null,\"version\":\"1.0-2\"}],"
	"\"requires_baseline\":\"GP-2026-0001\",\"restart\":false,\"severity\":\"important\",\"supersedes\":[],"
	"\"title\":\"Fixes \xc3\xbc\"}\n";

static struct graft_error *
decode(const char *json, struct graft_release **ret)
{
	return graft_release_decode(json, strlen(json), ret);
}

static void
what_decodes_encodes_to_the_same(void **state)
{
	GRAFT_CLEANUP(graft_release_freep) struct graft_release *release = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	(void)state;
	struct graft_error *err = decode(good, &release);
	if (err)
		fail_msg("%s", graft_error_message(err));
	assert_int_equal(release->line, GRAFT_RELEASE_HOTPATCH);
	assert_string_equal(release->modules[0].path, "usr/lib/x.so");
	assert_int_equal(release->forms[0].length, 7);
	assert_null(release->packages[0].old_version);
	graft_release_encode(release, &text);
	assert_string_equal(graft_text_str(&text), good);
}

/** Decode the good one with a piece exchanged. */
static void
bad(const char *old, const char *new, const char *says)
{
	char json[4096];
	struct graft_release *release = NULL;
	const char *at = strstr(good, old);

	assert_non_null(at);
	(void)snprintf(json, sizeof(json), "%.*s%s%s", (int)(at - good), good,
		       new, at + strlen(old));
	struct graft_error *err = decode(json, &release);
	if (!err)
		fail_msg("%s instead of %s passes", new, old);
	assert_null(release);
	if (!strstr(graft_error_message(err), says))
		fail_msg("%s: %s", new, graft_error_message(err));
	graft_error_free(err);
}

static void
anything_else_is_refused(void **state)
{
	(void)state;
	bad("\"restart\":false", "\"restrat\":false",
	    "did you mean \"restart\"?");
	bad("\"restart\":false", "\"restart\":false,\"x\":1", "no key \"x\"");
	bad("\"restart\":false,", "", "\"restart\": it is missing");
	bad("\"restart\":false", "\"restart\":0", "\"restart\"");
	bad("\"format\":1", "\"format\":2", "newer program");
	bad("\"format\":1", "\"format\":\"1\"", "\"format\"");
}

static void
values_are_checked(void **state)
{
	(void)state;
	bad("GP-2026-0042\",\"keeps", "GP-2026-42\",\"keeps", "\"id\"");
	bad("\"id\":\"GP-2026-0042\"", "\"id\":null", "\"id\"");
	bad("2026-11-10", "2026-02-30", "\"date\"");
	bad("2026-11-10", "2026-11-10T00:00:00Z", "\"date\"");
	bad("\"level\":\"2026-11\"", "\"level\":\"2026\"", "\"level\"");
	bad("CVE-2026-1234", "CVE-26-1234", "\"cves\"");
	bad("[\"CVE-2026-1234\"]", "[\"CVE-2026-1234\",\"CVE-2026-1234\"]",
	    "twice");
	bad("\"hotpatch\",\"modules", "\"hotptach\",\"modules", "\"line\"");
	bad("\"important\"", "\"Important\"", "\"severity\"");
	bad("\"length\":7", "\"length\":-7", "\"length\"");
	bad("\"kind\":\"delta\"", "\"kind\":\"dleta\"", "\"kind\"");
	bad("00000000\"}]", "0000000\"}]", "\"sha256\"");
	bad("\"bb\"", "\"b\"", "\"new_build_id\"");
	bad("\"bb\"", "\"BB\"", "\"new_build_id\"");
	bad("\"title\":\"Fixes \xc3\xbc\"", "\"title\":\"\"", "\"title\"");
	bad("\"title\":\"Fixes \xc3\xbc\"", "\"title\":\"a\\u0001\"",
	    "\"title\"");
}

static void
no_package_is_an_option_or_another_way_to_name_one(void **state)
{
	static const char *const names[] = {
		"-oDir=x", "a b", "a=1",     "a/sid", "",    "a-",
		"A",       "a*",  "./a.deb", "+a",    "a,b", "\u00fc"
	};
	static const char *const versions[] = { "-1",  "",    "1 2",
						"1=2", "1/2", "~1" };
	char new[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		(void)snprintf(new, sizeof(new), "\"name\":\"%s\"", names[i]);
		bad("\"name\":\"x\"", new, "\"name\"");
	}
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		(void)snprintf(new, sizeof(new), "\"version\":\"%s\"",
			       versions[i]);
		bad("\"version\":\"1.0-2\"", new, "\"version\"");
		(void)snprintf(new, sizeof(new), "\"old_version\":\"%s\"",
			       versions[i]);
		bad("\"old_version\":null", new, "\"old_version\"");
	}
	assert_true(graft_release_is_package("libstdc++6:amd64"));
	assert_true(graft_release_is_version("1:9.2p1-2+deb12u9~bpo1"));
}

static void
a_release_brings_its_own_files(void **state)
{
	(void)state;
	bad("pool/GP-2026-0042/x.graft", "pool/GP-2026-0041/x.graft",
	    "no file in pool/GP-2026-0042/");
	bad("pool/GP-2026-0042/x.graft", "pool/GP-2026-0042/../x.graft",
	    "no file in");
	bad("pool/GP-2026-0042/x.graft", "pool/GP-2026-0042/", "no file in");
	bad("pool/GP-2026-0042/x.graft", "pool/GP-2026-0042/.x", "no file in");
	bad("pool/GP-2026-0042/x.graft", "x.graft", "no file in");
}

static void
words_are_not_compared_without_a_bound(void **state)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text json = { 0 };
	struct graft_release *release = NULL;
	const char *at = strstr(good, "\"CVE");

	(void)state;
	graft_text_printf(&json, "%.*s", (int)(at - good), good);
	for (int i = 0; i < 4097; i++)
		graft_text_printf(&json, "\"CVE-2026-%05d\",", i);
	graft_text_put(&json, at);
	struct graft_error *err = decode(graft_text_str(&json), &release);
	assert_non_null(err);
	assert_non_null(
		strstr(graft_error_message(err), "\"cves\": more than 4096"));
	graft_error_free(err);
}

static void
there_is_one_way_to_write_it(void **state)
{
	(void)state;
	bad("\"restart\":false", "\"restart\": false", "one way");
	bad("Fixes", "\\u0046ixes", "one way");
	bad("}\n", "}", "one way");
	bad("}\n", "}\n\n", "one way");
	bad("\"restart\":false,\"severity\":\"important\"",
	    "\"severity\":\"important\",\"restart\":false", "one way");
}

static void
every_prefix_is_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len + 1 < sizeof(good) - 1; len++) {
		struct graft_release *release = NULL;
		struct graft_error *err = graft_release_decode(good, len,
							       &release);
		assert_non_null(err);
		graft_error_free(err);
	}
}

static const char spec[] =
	"id = GP-2026-0042\nline = hotpatch\n"
	"date = 2026-11-10\nlevel = 2026-11\n"
	"classification = security\nseverity = low\n"
	"title = Fixes\ncve = CVE-2026-0001, CVE-2026-0002\n"
	"cve = CVE-2026-0003\nrequires-baseline = GP-2026-0001\n"
	"supersedes = GP-2026-0040,GP-2026-0041\n"
	"cumulative = GP-2026-0039\narticle = on fixes\n";

static void
a_specification_is_read(void **state)
{
	GRAFT_CLEANUP(graft_release_freep) struct graft_release *r = NULL;

	(void)state;
	struct graft_error *err = graft_release_spec_parse(spec, strlen(spec),
							   "s", &r);
	if (err)
		fail_msg("%s", graft_error_message(err));
	assert_int_equal(r->cves.count, 3);
	assert_string_equal(r->cves.list[1], "CVE-2026-0002");
	assert_int_equal(r->supersedes.count, 2);
	assert_false(r->restart);
	assert_true(r->keeps_track);
}

static void
wrong_specifications_are_said_with_their_line(void **state)
{
	static const struct {
		const char *more;
		const char *says;
	} rows[] = {
		{ "sevreity = low\n", "did you mean 'severity'?" },
		{ "id = GP-2026-0043\n", "id stands in line 1 already" },
		{ "cve = CVE-1\n", "'CVE-1' is not like" },
		{ "cve = CVE-2026-0001\n", "twice" },
		{ "article = on fixes\n", "twice" },
		{ "restart = maybe\n", "'yes' or 'no'" },
		{ "keeps-track\n", "line 14" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[2048];
		struct graft_release *r = NULL;
		(void)snprintf(text, sizeof(text), "%s%s", spec, rows[i].more);
		struct graft_error *err =
			graft_release_spec_parse(text, strlen(text), "s", &r);
		assert_non_null(err);
		if (!strstr(graft_error_message(err), rows[i].says) ||
		    !strstr(graft_error_message(err), "line 14"))
			fail_msg("%s: %s", rows[i].more,
				 graft_error_message(err));
		graft_error_free(err);
	}
	struct graft_release *r = NULL;
	struct graft_error *err =
		graft_release_spec_parse("id = GP-2026-0042\n", 18, "s", &r);
	assert_non_null(err);
	assert_non_null(strstr(graft_error_message(err), "no 'line'"));
	graft_error_free(err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_decodes_encodes_to_the_same),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(
			no_package_is_an_option_or_another_way_to_name_one),
		cmocka_unit_test(a_release_brings_its_own_files),
		cmocka_unit_test(words_are_not_compared_without_a_bound),
		cmocka_unit_test(there_is_one_way_to_write_it),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(a_specification_is_read),
		cmocka_unit_test(wrong_specifications_are_said_with_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
