// SPDX-License-Identifier: Apache-2.0

// Reports of compliance: what decodes, who may have signed it, and which of two is the newer one.

#include "../trust/repository.h"
#include "compliance/compliance.h"
#include "compliance/stand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// 2026-11-23T12:00:00Z.
#define NOW ((int64_t)1795435200)

#define REST                                                                   \
	"\"agent\":\"0.1\",\"facts\":{\"edition\":\"server\","                 \
	"\"architecture\":\"amd64\",\"distribution\":\"debian-12\","           \
	"\"level\":\"2026-10\"},\"state\":\"behind\",\"restart\":null,"        \
	"\"look\":{\"at\":\"2026-11-23T11:00:00Z\","                           \
	"\"good_at\":\"2026-11-20T11:00:00Z\",\"failures\":2,"                 \
	"\"error\":\"no line\"},\"update\":{\"device\":{"                      \
	"\"decision\":\"hotpatch\",\"target\":\"2026-11\",\"reasons\":[]},"    \
	"\"releases\":[{\"level\":\"2026-11\",\"date\":\"2026-11-10\"},"       \
	"{\"level\":\"2026-09\",\"date\":\"2026-09-08\"}]},\"releases\":[],"   \
	"\"hotpatches\":[],\"old_code\":[],\"processes\":{"                    \
	"\"hotpatched\":3,\"due\":0,\"refused\":1,\"restart\":2,"              \
	"\"unseen\":0}"

/** Make a report that a key signed. */
static struct graft_compliance *
report_of(const char *host, unsigned serial, const char *made,
	  const char *expires, int key)
{
	const int keys[] = { key, 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_compliance *report = NULL;
	char json[2048];

	(void)snprintf(json, sizeof(json),
		       "{\"_type\":\"graft-compliance\",\"format\":1,"
		       "\"host\":\"%s\",\"key\":{},\"serial\":%u,"
		       "\"made\":\"%s\",\"expires\":\"%s\"," REST "}",
		       host, serial, made, expires);
	repository_seal(json, keys, &text);
	struct graft_error *err = graft_compliance_decode(text.str, text.len,
							  &report);
	if (err)
		fail_msg("%s", graft_error_message(err));
	return report;
}

static struct graft_key *
key_of(int number)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;
	struct graft_key *key = NULL;
	char name[8];

	(void)snprintf(name, sizeof(name), "k%d", number);
	graft_text_put(&text, "{");
	repository_public(number, &text);
	graft_text_put(&text, "}");
	assert_null(graft_document_parse(text.str, text.len, &document));
	assert_null(graft_key_decode(
		graft_node_get(graft_document_root(document), name), &key));
	return key;
}

static void
what_a_report_says_is_read(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = report_of(
		"web-1", 7, "2026-11-23T11:30:00Z", "2026-12-07T11:30:00Z", 1);

	assert_string_equal(report->host, "web-1");
	assert_int_equal(report->serial, 7);
	assert_int_equal(report->expires - report->made, 14 * 86400);
	assert_int_equal(report->state, GRAFT_COMPLIANCE_BEHIND);
	assert_string_equal(graft_level_write(report->facts.level).str,
			    "2026-10");
	assert_string_equal(graft_level_write(report->target).str, "2026-11");
	assert_int_equal(report->failures, 2);
	assert_string_equal(report->error, "no line");
	assert_int_equal(report->processes.restart, 2);
	// Of the releases that it has not; 2026-11-10.
	assert_int_equal(report->wanted_since, NOW - 12 * 3600 - 13 * 86400);
}

// Who signed, when, which number, what was seen before: what comes of it.
static void
a_report_is_new_known_or_refused(void **state)
{
	static const struct {
		int key;
		unsigned serial;
		const char *made;
		const char *expires;
		/** Of the last one; 0: there is none. */
		unsigned last;
		/** Of another content. */
		bool other;
		enum graft_compliance_news news;
		/** 0: it is good. */
		enum graft_error_code code;
	} cases[] = {
		{ 1, 7, "2026-11-23T11:30:00Z", "2026-12-07T11:30:00Z", 0,
		  false, GRAFT_COMPLIANCE_NEW, 0 },
		{ 1, 7, "2026-11-23T11:30:00Z", "2026-12-07T11:30:00Z", 6,
		  false, GRAFT_COMPLIANCE_NEW, 0 },
		{ 1, 7, "2026-11-23T11:30:00Z", "2026-12-07T11:30:00Z", 7,
		  false, GRAFT_COMPLIANCE_KNOWN, 0 },
		{ 1, 7, "2026-11-23T11:30:00Z", "2026-12-07T11:30:00Z", 7, true,
		  0, GRAFT_ERROR_ROLLBACK },
		{ 1, 7, "2026-11-23T11:30:00Z", "2026-12-07T11:30:00Z", 8,
		  false, 0, GRAFT_ERROR_ROLLBACK },
		{ 2, 7, "2026-11-23T11:30:00Z", "2026-12-07T11:30:00Z", 0,
		  false, 0, GRAFT_ERROR_BAD_SIGNATURE },
		// The last second, and the one after it.
		{ 1, 7, "2026-11-09T12:00:01Z", "2026-11-23T12:00:01Z", 0,
		  false, GRAFT_COMPLIANCE_NEW, 0 },
		{ 1, 7, "2026-11-09T12:00:00Z", "2026-11-23T12:00:00Z", 0,
		  false, 0, GRAFT_ERROR_EXPIRED },
		// A clock may be a day ahead.
		{ 1, 7, "2026-11-24T12:00:00Z", "2026-12-01T12:00:00Z", 0,
		  false, GRAFT_COMPLIANCE_NEW, 0 },
		{ 1, 7, "2026-11-24T12:00:01Z", "2026-12-01T12:00:00Z", 0,
		  false, 0, GRAFT_ERROR_EXPIRED },
		// An old one that expired is a rollback all the same, and what is known does not expire.
		{ 1, 7, "2026-11-01T12:00:00Z", "2026-11-02T12:00:00Z", 9,
		  false, 0, GRAFT_ERROR_ROLLBACK },
		{ 1, 7, "2026-11-01T12:00:00Z", "2026-11-02T12:00:00Z", 7,
		  false, GRAFT_COMPLIANCE_KNOWN, 0 },
	};
	GRAFT_CLEANUP(graft_key_freep) struct graft_key *key = key_of(1);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		GRAFT_CLEANUP(graft_compliance_freep)
		struct graft_compliance *report =
			report_of("web-1", cases[i].serial, cases[i].made,
				  cases[i].expires, cases[i].key);
		GRAFT_CLEANUP(graft_compliance_freep)
		struct graft_compliance *last =
			cases[i].last
				? report_of("web-1", cases[i].last,
					    cases[i].made,
					    cases[i].other ? "2026-11-30T00:00:"
							     "00Z"
							   : cases[i].expires,
					    1)
				: NULL;
		enum graft_compliance_news news = GRAFT_COMPLIANCE_NEW;
		struct graft_error *err = graft_compliance_check(
			report, key, "k1", last, NOW, &news);
		if (!err && !cases[i].code)
			assert_int_equal(news, cases[i].news);
		else if (!err || graft_error_code(err) != cases[i].code)
			fail_msg("case %zu: %s", i,
				 err ? graft_error_message(err) : "taken");
		graft_error_free(err);
	}
}

static void
another_ones_name_does_not_help(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_key_freep) struct graft_key *key = key_of(1);
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = report_of(
		"web-1", 7, "2026-11-23T11:30:00Z", "2026-12-07T11:30:00Z", 2);
	struct graft_error *err;

	// It says that the key is k1, and is signed by k2.
	report->key_id = "k1";
	err = graft_compliance_verify(report, key, "k1");
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_SIGNATURE);
	graft_error_free(err);
}

static void
every_prefix_is_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = report_of(
		"web-1", 7, "2026-11-23T11:30:00Z", "2026-12-07T11:30:00Z", 1);
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_compliance_put(report, &text);
	// Without its last line feed it is whole.
	for (size_t len = 0; len + 1 < text.len; len++) {
		struct graft_compliance *part = NULL;
		struct graft_error *err = graft_compliance_decode(text.str, len,
								  &part);
		assert_non_null(err);
		assert_null(part);
		graft_error_free(err);
	}
}

static void
who_is_silent_or_late(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = report_of(
		"web-1", 7, "2026-11-23T11:30:00Z", "2026-12-07T11:30:00Z", 1);
	const int64_t day = 86400;
	struct graft_compliance_stand stand =
		graft_compliance_stand_find(NULL, NOW, 14 * day);

	assert_true(stand.silent);
	assert_int_equal(stand.silent_since, 0);
	stand = graft_compliance_stand_find(report, NOW, 14 * day);
	assert_false(stand.silent);
	assert_int_equal(stand.late_s, 0);
	stand = graft_compliance_stand_find(report, NOW, 13 * day);
	assert_int_equal(stand.late_s, 13 * day + day / 2);
	assert_int_equal(stand.blind_s, 0);
	stand = graft_compliance_stand_find(report, NOW, 3 * day);
	assert_int_equal(stand.blind_s, 3 * day + 3600);
	stand = graft_compliance_stand_find(report, NOW + 14 * day, 99 * day);
	assert_true(stand.silent);
	assert_int_equal(stand.silent_since, report->made);
}

static void
names_of_hosts(void **state)
{
	(void)state;
	assert_true(graft_compliance_is_host("web-1.example.org"));
	assert_true(graft_compliance_is_host("7"));
	assert_false(graft_compliance_is_host(""));
	assert_false(graft_compliance_is_host("."));
	assert_false(graft_compliance_is_host("-x"));
	assert_false(graft_compliance_is_host("a/b"));
	assert_false(graft_compliance_is_host("a b"));
	assert_false(graft_compliance_is_host("\xc3\xa9"));
	assert_true(
		graft_compliance_is_host("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_false(
		graft_compliance_is_host("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_report_says_is_read),
		cmocka_unit_test(a_report_is_new_known_or_refused),
		cmocka_unit_test(another_ones_name_does_not_help),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(who_is_silent_or_late),
		cmocka_unit_test(names_of_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
