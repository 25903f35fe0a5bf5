// SPDX-License-Identifier: Apache-2.0

#include "release/eligible.h"

#include "release/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define POLICY                                                                 \
	"distributions = debian-12, debian-13\nagent = 1.2\n"                  \
	"live-baseline = 2026-10 2026-11.1\nlive-baseline = 2026-07 2026-11\n"

static struct graft_policy
policy_of(const char *text)
{
	struct graft_policy policy = { 0 };
	struct graft_error *err = graft_policy_parse(text, strlen(text),
						     "p.conf", &policy);

	if (err)
		fail_msg("%s", graft_error_message(err));
	return policy;
}

/** A device to which nothing is wrong, and what a case changes. */
static struct graft_facts
device(const char *more)
{
	static const char good[] =
		"\"edition\":\"server\",\"architecture\":\"amd64\",\"distribution\":\"debian-12\",\"agent\":\"1.2\",\"space\":1e9,\"abilities\":[\"ptrace\",\"memory-write\",\"pidfd\",\"kcmp\",\"flight\"]";
	char text[1024];
	GRAFT_FREE struct graft_facts *facts = NULL;
	size_t count = 0;

	// What stands twice is wrong: the good one is left out.
	snprintf(text, sizeof(text), "{%s", good);
	for (const char *at = more; (at = strstr(at, "\"")); at++) {
		char name[64] = "";
		if (sscanf(at, "\"%40[a-z]\":", name) != 1)
			continue;
		char quoted[80];
		snprintf(quoted, sizeof(quoted), "\"%s\":", name);
		char *old = strstr(text, quoted);
		if (old)
			old[1] = 'X';
	}
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s}", more);
	struct graft_error *err = graft_facts_parse(text, strlen(text), "f",
						    &facts, &count);
	if (err)
		fail_msg("%s: %s", text, graft_error_message(err));
	assert_int_equal(count, 1);
	return facts[0];
}

/** What is decided: "hotpatch 2026-11: edition abilities". */
static void
decides(const struct graft_policy *policy, const char *more, const char *want)
{
	struct graft_facts facts = device(more);
	struct graft_eligibility e = graft_eligible(&facts, policy);
	char said[256];

	snprintf(said, sizeof(said), "%s %s:", graft_decision_name(e.decision),
		 graft_level_write(e.target).str);
	for (unsigned r = 0; r < GRAFT_ELIGIBLE_REASON_COUNT; r++) {
		if (e.reasons & (1U << r))
			snprintf(said + strlen(said),
				 sizeof(said) - strlen(said), " %s",
				 graft_eligible_reason_name(r));
	}
	if (strcmp(said, want) != 0)
		fail_msg("%s: %s instead of %s", more, said, want);
}

#define ON(baseline, level)                                                    \
	",\"baseline\":\"" baseline "\",\"level\":\"" level "\""

static void
the_table_of_decisions(void **state)
{
	(void)state;
	struct graft_policy policy = policy_of(POLICY);
	static const struct {
		const char *device;
		const char *want;
	} cases[] = {
		// On the track of either baseline.
		{ ON("2026-10", "2026-10"), "hotpatch 2026-11.1:" },
		{ ON("2026-10", "2026-11"), "hotpatch 2026-11.1:" },
		{ ON("2026-10", "2026-11.1"), "up to date 2026-11.1:" },
		{ ON("2026-07", "2026-09"), "hotpatch 2026-11:" },
		// The older one gets no more: a newer baseline has it.
		{ ON("2026-07", "2026-11"),
		  "baseline 2026-11.1: newer-baseline" },
		// Off the track.
		{ ON("2026-04", "2026-09"), "baseline 2026-11.1: baseline" },
		{ "", "baseline 2026-11.1: level" },
		{ ON("2026-10", "2026-10") ",\"edition\":\"home\"",
		  "cumulative 2026-11.1: edition" },
		{ ON("2026-10",
		     "2026-10") ",\"edition\":\"pro\",\"abilities\":[]",
		  "cumulative 2026-11.1: edition abilities" },
		{ ON("2026-10",
		     "2026-10") ",\"abilities\":[\"ptrace\",\"pidfd\",\"kcmp\"]",
		  "cumulative 2026-11.1: abilities" },
		// The edition takes nothing away from who has all of it.
		{ ON("2026-10",
		     "2026-11.1") ",\"edition\":\"home\",\"held\":true",
		  "up to date 2026-11.1:" },
		{ ON("2026-10", "2026-12") ",\"edition\":\"home\"",
		  "up to date 2026-12:" },
		// Not before somebody does something; all of it is said.
		{ ON("2026-10", "2026-10") ",\"held\":true",
		  "not ready 2026-10: held" },
		{ ON("2026-10",
		     "2026-10") ",\"held\":true,\"edition\":\"home\"",
		  "not ready 2026-10: held" },
		{ ON("2026-10",
		     "2026-10") ",\"architecture\":\"arm64\",\"distribution\":\"debian-11\",\"agent\":\"1.1\",\"space\":1000",
		  "not ready 2026-10: architecture distribution agent space" },
		{ ON("2026-10", "2026-10") ",\"agent\":\"0.9\"",
		  "not ready 2026-10: agent" },
		{ ON("2026-10", "2026-10") ",\"agent\":\"2.0-1~bpo1\"",
		  "hotpatch 2026-11.1:" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		decides(&policy, cases[i].device, cases[i].want);
}

static void
what_came_out_of_band_takes_nobody_off_the_track(void **state)
{
	(void)state;
	struct graft_policy policy = policy_of(POLICY "latest = 2026-11.2\n");

	decides(&policy, ON("2026-10", "2026-11.1"), "up to date 2026-11.1:");
	decides(&policy, ON("2026-10", "2026-11.1") ",\"held\":true",
		"up to date 2026-11.1:");
	decides(&policy, ON("2026-10", "2026-11.1") ",\"edition\":\"home\"",
		"cumulative 2026-11.2: edition");
}

static void
a_month_of_a_baseline_restarts_and_without_any_all_do(void **state)
{
	(void)state;
	struct graft_policy policy = policy_of(
		"live-baseline = 2026-10 2026-12\nlive-baseline = 2027-01\n");

	decides(&policy, ON("2026-10", "2026-12"),
		"baseline 2027-01: newer-baseline");
	decides(&policy, ON("2026-10", "2026-11"), "hotpatch 2026-12:");
	decides(&policy, ON("2027-01", "2027-01"), "up to date 2027-01:");
	policy = policy_of("latest = 2026-11\neditions = any\n");
	decides(&policy, ON("2026-10", "2026-10"),
		"cumulative 2026-11: baseline");
}

static void
policies_that_are_wrong_name_line_and_nearest_key(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ "", "nothing can be decided" },
		{ "edition = server", "did you mean 'editions'?" },
		{ "live-baseline = 2026-13",
		  "line 1: live-baseline: '2026-13'" },
		{ "live-baseline = 2026-10 2026-09", "older than it" },
		{ "live-baseline = 2026-10\nlive-baseline = 2026-10",
		  "line 2: live-baseline: it stands there twice" },
		{ "live-baseline = 2026-10 2026-11 2026-12", "a level, and" },
		{ "live-baseline = 2026-10.01", "is no level" },
		{ "live-baseline = 2026-11\nlatest = 2026-10",
		  "latest: 2026-10 is older" },
		{ "abilities = ptrace, pidf", "did you mean 'pidfd'?" },
		{ "live-baseline = 2026-10\neditions = ,",
		  "line 2: editions: there is no name" },
		{ "live-baseline = 2026-10\nabilities = , ,",
		  "line 2: abilities: there is no name" },
		{ "editions = server, any", "editions: 'any' stands alone" },
		{ "agent = 1", "no version such as" },
		{ "space = 64 MiB", "a number of MiB" },
		{ "latest = 2026-10\nlatest = 2026-11", "line 1 already" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct graft_policy policy;
		struct graft_error *err =
			graft_policy_parse(cases[i].text, strlen(cases[i].text),
					   "p.conf", &policy);
		assert_non_null(err);
		if (!strstr(graft_error_message(err), cases[i].want))
			fail_msg("%s", graft_error_message(err));
		graft_error_free(err);
	}
}

static void
facts_that_are_wrong_name_the_device(void **state)
{
	(void)state;
#define GOOD "\"edition\":\"a\",\"architecture\":\"b\",\"distribution\":\"c\""
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ "", "no JSON from byte 0" },
		{ "{" GOOD "} x", "no JSON from byte" },
		{ "7", "device 1: it is no object" },
		{ "[{" GOOD "},7]", "device 2: it is no object" },
		{ "{\"edition\":\"a\"}", "must be there" },
		{ "{" GOOD ",\"edition\":\"b\"}", "stands twice" },
		{ "{" GOOD ",\"level\":\"2026\"}", "level is no level" },
		{ "{" GOOD ",\"space\":-1}", "no number of bytes" },
		{ "{" GOOD ",\"space\":1e300}", "no number of bytes" },
		{ "{" GOOD ",\"space\":0.5}", "no number of bytes" },
		{ "{" GOOD ",\"agent\":1.2}", "agent is no version" },
		{ "{" GOOD ",\"held\":1}", "neither true nor false" },
		{ "{" GOOD ",\"abilities\":[1]}", "holds what is no text" },
		{ "{" GOOD ",\"name\":\"a\\u001bb\"}", "name is no text" },
		{ "{" GOOD ",\"name\":\"a\\u0000b\"}", "holds a NUL" },
		{ "{" GOOD ",\"name\":\"a\\\\\\u0000b\"}", "holds a NUL" },
		// A backslash and five characters.
		{ "{" GOOD ",\"name\":\"a\\\\u0000\",\"held\":1}",
		  "neither true nor false" },
		{ "{" GOOD
		  ",\"name\":\"0123456789012345678901234567890123456789\"}",
		  "name is no text of up to 31 bytes" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		GRAFT_FREE struct graft_facts *facts = NULL;
		size_t count;
		struct graft_error *err =
			graft_facts_parse(cases[i].text, strlen(cases[i].text),
					  "f.json", &facts, &count);
		if (!err)
			fail_msg("%s is taken", cases[i].text);
		if (!strstr(graft_error_message(err), cases[i].want))
			fail_msg("%s", graft_error_message(err));
		graft_error_free(err);
	}
}

static void
levels_read_as_they_are_written(void **state)
{
	(void)state;
	static const char *const good[] = { "2026-01", "2026-12", "2026-12.1",
					    "2999-12.99" };
	static const char *const bad[] = {
		"",        "2026",     "2026-00",   "2026-13",
		"2026-1",  "2026-01.", "2026-01.0", "2026-01.100",
		"1999-01", "2026-01x", " 2026-01"
	};
	graft_level last = 0;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		graft_level level = 0;
		assert_true(graft_level_read(good[i], &level));
		assert_string_equal(graft_level_write(level).str, good[i]);
		assert_true(level > last);
		last = level;
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(graft_level_read(bad[i], &last));
	assert_string_equal(graft_level_write(0).str, "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_of_decisions),
		cmocka_unit_test(
			what_came_out_of_band_takes_nobody_off_the_track),
		cmocka_unit_test(
			a_month_of_a_baseline_restarts_and_without_any_all_do),
		cmocka_unit_test(
			policies_that_are_wrong_name_line_and_nearest_key),
		cmocka_unit_test(facts_that_are_wrong_name_the_device),
		cmocka_unit_test(levels_read_as_they_are_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
