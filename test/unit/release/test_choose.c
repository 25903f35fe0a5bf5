// SPDX-License-Identifier: Apache-2.0

// Which releases of a catalogue a device takes, by table.

#include "base/cleanup.h"
#include "release/choose.h"
#include "release/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *
text(const char *from)
{
	char *copy = strdup(from);

	assert_non_null(copy);
	return copy;
}

/** A line of the catalogue below. */
struct line {
	const char *id;
	enum graft_release_line line;
	const char *level;
	const char *baseline;
	const char *supersedes;
	const char *assurance;
};

/**
 * Two baselines and their hotpatches, cumulative releases for the others, and an update out of
 * band that restarts.
 */
static const struct line lines[] = {
	{ "GP-2026-0001", GRAFT_RELEASE_BASELINE, "2026-07", NULL, NULL, NULL },
	{ "GP-2026-0002", GRAFT_RELEASE_HOTPATCH, "2026-08", "GP-2026-0001",
	  NULL, "proven" },
	{ "GP-2026-0003", GRAFT_RELEASE_CUMULATIVE, "2026-08", NULL, NULL,
	  NULL },
	{ "GP-2026-0004", GRAFT_RELEASE_BASELINE, "2026-10", NULL,
	  "GP-2026-0003", NULL },
	{ "GP-2026-0005", GRAFT_RELEASE_HOTPATCH, "2026-11", "GP-2026-0004",
	  NULL, "proven" },
	{ "GP-2026-0006", GRAFT_RELEASE_CUMULATIVE, "2026-11", NULL, NULL,
	  NULL },
	{ "GP-2026-0007", GRAFT_RELEASE_HOTPATCH, "2026-12", "GP-2026-0004",
	  "GP-2026-0005", "inferred" },
	{ "GP-2026-0008", GRAFT_RELEASE_CUMULATIVE, "2026-12", NULL,
	  "GP-2026-0006", NULL },
	{ "GP-2026-0009", GRAFT_RELEASE_OUT_OF_BAND, "2026-12.1", NULL, NULL,
	  NULL },
};

enum { LINES = sizeof(lines) / sizeof(*lines) };

static void
add(struct graft_catalogue *catalogue, const struct line *line)
{
	struct graft_release *r = NULL;

	assert_null(graft_release_new(&r));
	r->id = text(line->id);
	r->line = line->line;
	assert_true(graft_level_read(line->level, &r->level));
	r->restart = line->line != GRAFT_RELEASE_HOTPATCH;
	if (line->baseline)
		r->requires_baseline = text(line->baseline);
	if (line->supersedes)
		assert_null(graft_words_add(&r->supersedes, line->supersedes));
	if (line->assurance) {
		r->modules = calloc(1, sizeof(*r->modules));
		assert_non_null(r->modules);
		r->modules[0].assurance = text(line->assurance);
		r->module_count = r->module_cap = 1;
	}
	assert_null(graft_catalogue_take(catalogue, r));
}

/** What is chosen: "hotpatch 2026-12: 0007". */
static void
chooses(const char *policy_text, const char *baseline, const char *level,
	const char *edition, const char *want)
{
	GRAFT_CLEANUP(graft_catalogue_deinit)
	struct graft_catalogue catalogue = { 0 };
	GRAFT_CLEANUP(graft_choice_deinit) struct graft_choice choice = { 0 };
	static struct graft_policy policy;
	char said[256];
	struct graft_facts facts = {
		.architecture = { "amd64" },
		.distribution = { "debian-12" },
		.abilities = (1U << GRAFT_ABILITY_COUNT) - 1,
		.space = 1ULL << 40,
		.held = strcmp(edition, "held") == 0,
	};

	snprintf(facts.edition.str, sizeof(facts.edition.str), "%s",
		 facts.held ? "server" : edition);
	assert_true(!*baseline || graft_level_read(baseline, &facts.baseline));
	assert_true(!*level || graft_level_read(level, &facts.level));
	for (size_t i = 0; i < LINES; i++)
		add(&catalogue, &lines[i]);
	assert_null(graft_policy_parse_beside(policy_text, strlen(policy_text),
					      "p", &policy));
	assert_null(graft_choose(&catalogue, &facts, &policy, &choice));
	snprintf(said, sizeof(said),
		 "%s %s:", graft_decision_name(choice.eligibility.decision),
		 graft_level_write(choice.eligibility.target).str);
	for (size_t i = 0; i < choice.count; i++)
		snprintf(said + strlen(said), sizeof(said) - strlen(said),
			 " %s", choice.releases[i]->id + strlen("GP-2026-"));
	if (strcmp(said, want) != 0)
		fail_msg("%s on %s, %s: %s instead of %s", level, baseline,
			 edition, said, want);
}

static void
one_hotpatch_is_enough_for_who_missed_some(void **state)
{
	(void)state;
	chooses("", "2026-10", "2026-10", "server", "hotpatch 2026-12: 0007");
	chooses("", "2026-10", "2026-11", "server", "hotpatch 2026-12: 0007");
	chooses("", "2026-10", "2026-12", "server", "up to date 2026-12:");
}

static void
each_baseline_that_lives_has_its_hotpatches(void **state)
{
	(void)state;
	chooses("", "2026-07", "2026-07", "server", "hotpatch 2026-08: 0002");
	// What is newer came with a newer baseline.
	chooses("", "2026-07", "2026-08", "server", "baseline 2026-12: 0004");
	chooses("", "2026-04", "2026-06", "server", "baseline 2026-12: 0004");
	chooses("", "", "", "server", "baseline 2026-12: 0004");
}

static void
others_take_all_that_nothing_takes_the_place_of(void **state)
{
	(void)state;
	chooses("", "", "2026-10", "home", "cumulative 2026-12.1: 0008 0009");
	chooses("", "", "", "home",
		"cumulative 2026-12.1: 0001 0004 0008 0009");
	chooses("", "", "2026-12.1", "home", "up to date 2026-12.1:");
}

static void
no_baseline_takes_fixes_away(void **state)
{
	(void)state;
	// It is newer than the baseline by cumulative updates.
	chooses("", "", "2026-11", "server", "cumulative 2026-12.1: 0008 0009");
	chooses("", "2026-04", "2026-12", "server",
		"cumulative 2026-12.1: 0009");
}

static void
a_policy_is_a_bound(void **state)
{
	(void)state;
	chooses("latest = 2026-11\n", "2026-10", "2026-10", "server",
		"hotpatch 2026-11: 0005");
	chooses("latest = 2026-11\n", "", "2026-10", "home",
		"cumulative 2026-11: 0006");
	chooses("live-baseline = 2026-07 2026-08\n", "2026-10", "2026-10",
		"server", "up to date 2026-10:");
	chooses("live-baseline = 2026-10 2026-11\n", "2026-10", "2026-10",
		"server", "hotpatch 2026-11: 0005");
}

static void
who_takes_proven_ones_only_gets_the_fixes_otherwise(void **state)
{
	(void)state;
	chooses("assurance = proven\n", "2026-10", "2026-10", "server",
		"cumulative 2026-12.1: 0008 0009");
	chooses("assurance = proven\nlatest = 2026-11\n", "2026-10", "2026-10",
		"server", "hotpatch 2026-11: 0005");
}

static void
who_is_held_gets_nothing(void **state)
{
	(void)state;
	chooses("", "2026-10", "2026-10", "held", "not ready 2026-10:");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_hotpatch_is_enough_for_who_missed_some),
		cmocka_unit_test(each_baseline_that_lives_has_its_hotpatches),
		cmocka_unit_test(
			others_take_all_that_nothing_takes_the_place_of),
		cmocka_unit_test(no_baseline_takes_fixes_away),
		cmocka_unit_test(a_policy_is_a_bound),
		cmocka_unit_test(
			who_takes_proven_ones_only_gets_the_fixes_otherwise),
		cmocka_unit_test(who_is_held_gets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
