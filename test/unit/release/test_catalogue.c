// SPDX-License-Identifier: Apache-2.0

// Each rule of a catalogue, broken once; and catalogues that break none.

#include "base/cleanup.h"
#include "release/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/** A catalogue that breaks no rule: a baseline, and two months of hotpatches behind it. */
enum { BASE, CUMULATIVE_1, HOT_1, CUMULATIVE_2, HOT_2, OUT, COUNT };

static char *
text(const char *from)
{
	char *copy = strdup(from);

	assert_non_null(copy);
	return copy;
}

static struct graft_release *
make(const char *id, enum graft_release_line line, const char *date)
{
	struct graft_release *r = NULL;

	assert_null(graft_release_new(&r));
	r->id = text(id);
	r->line = line;
	memcpy(r->date, date, GRAFT_RELEASE_DATE_LEN);
	// "2026-11" of "2026-11-10".
	const char month[] = { date[0], date[1], date[2], date[3],
			       date[4], date[5], date[6], '\0' };
	assert_true(graft_level_read(month, &r->level));
	r->title = text("fixes");
	r->restart = line != GRAFT_RELEASE_HOTPATCH;
	r->keeps_track = line != GRAFT_RELEASE_CUMULATIVE;
	return r;
}

static void
add_form(struct graft_release *r, enum graft_release_kind kind)
{
	r->forms = calloc(1, sizeof(*r->forms));
	assert_non_null(r->forms);
	r->forms[0] = (struct graft_release_form){ .kind = kind,
						   .path = text("pool/x") };
	r->form_count = r->form_cap = 1;
}

static void
add_package(struct graft_release *r)
{
	r->packages = calloc(1, sizeof(*r->packages));
	assert_non_null(r->packages);
	r->packages[0] = (struct graft_release_package){ .name = text("x"),
							 .version = text("1") };
	r->package_count = r->package_cap = 1;
}

static void
add_module(struct graft_release *r, const char *path)
{
	r->modules = calloc(1, sizeof(*r->modules));
	assert_non_null(r->modules);
	r->modules[0] = (struct graft_release_module){
		.path = text(path),
		.old_build_id = text("aa"),
		.new_build_id = text("bb"),
		.verdict = text("hotpatch"),
		.assurance = text("inferred"),
	};
	r->module_count = r->module_cap = 1;
}

static void
cold(struct graft_release *r)
{
	add_form(r, GRAFT_RELEASE_FORM_PACKAGE);
	add_package(r);
}

static void
hot(struct graft_release *r, const char *cumulative)
{
	add_form(r, GRAFT_RELEASE_FORM_DELTA);
	add_module(r, "usr/lib/x.so");
	r->requires_baseline = text("GP-2026-0001");
	r->cumulative = text(cumulative);
}

static void
fixes(struct graft_release *r, const char *cve)
{
	assert_null(graft_words_add(&r->cves, cve));
}

/** Make the catalogue; the releases stand in the order of the enum, which is that of ids. */
static void
fill(struct graft_catalogue *c)
{
	struct graft_release *r[COUNT];

	r[BASE] = make("GP-2026-0001", GRAFT_RELEASE_BASELINE, "2026-10-13");
	cold(r[BASE]);
	r[CUMULATIVE_1] = make("GP-2026-0002", GRAFT_RELEASE_CUMULATIVE,
			       "2026-11-10");
	cold(r[CUMULATIVE_1]);
	fixes(r[CUMULATIVE_1], "CVE-2026-0001");
	r[HOT_1] = make("GP-2026-0003", GRAFT_RELEASE_HOTPATCH, "2026-11-10");
	hot(r[HOT_1], "GP-2026-0002");
	fixes(r[HOT_1], "CVE-2026-0001");
	r[CUMULATIVE_2] = make("GP-2026-0004", GRAFT_RELEASE_CUMULATIVE,
			       "2026-12-08");
	cold(r[CUMULATIVE_2]);
	fixes(r[CUMULATIVE_2], "CVE-2026-0001");
	fixes(r[CUMULATIVE_2], "CVE-2026-0002");
	assert_null(
		graft_words_add(&r[CUMULATIVE_2]->supersedes, "GP-2026-0002"));
	r[HOT_2] = make("GP-2026-0005", GRAFT_RELEASE_HOTPATCH, "2026-12-08");
	hot(r[HOT_2], "GP-2026-0004");
	fixes(r[HOT_2], "CVE-2026-0001");
	fixes(r[HOT_2], "CVE-2026-0002");
	assert_null(graft_words_add(&r[HOT_2]->supersedes, "GP-2026-0003"));
	r[OUT] = make("GP-2026-0006", GRAFT_RELEASE_OUT_OF_BAND, "2026-12-20");
	cold(r[OUT]);
	for (int i = 0; i < COUNT; i++)
		assert_null(graft_catalogue_take(c, r[i]));
}

static void
replace(char **where, const char *with)
{
	free(*where);
	*where = with ? text(with) : NULL;
}

/** What is done to the catalogue, each for one rule. */
static void
to_feature(struct graft_release **r)
{
	r[HOT_1]->classification = GRAFT_RELEASE_FEATURE;
}
static void
to_baseline_module(struct graft_release **r)
{
	replace(&r[HOT_1]->modules[0].verdict, "baseline");
}
static void
to_restarting_hotpatch(struct graft_release **r)
{
	r[HOT_2]->restart = true;
}
static void
to_leaving_hotpatch(struct graft_release **r)
{
	r[HOT_2]->keeps_track = false;
}
static void
to_resting_baseline(struct graft_release **r)
{
	r[BASE]->restart = false;
}
static void
to_leaving_baseline(struct graft_release **r)
{
	r[BASE]->keeps_track = false;
}
static void
to_no_baseline(struct graft_release **r)
{
	replace(&r[HOT_1]->requires_baseline, NULL);
}
static void
to_absent_baseline(struct graft_release **r)
{
	replace(&r[HOT_1]->requires_baseline, "GP-2026-0099");
}
static void
to_other_baseline(struct graft_release **r)
{
	replace(&r[HOT_1]->requires_baseline, "GP-2026-0002");
}
static void
to_later_baseline(struct graft_release **r)
{
	memcpy(r[BASE]->date, "2026-11-11", GRAFT_RELEASE_DATE_LEN);
}
static void
to_baseline_of_baseline(struct graft_release **r)
{
	replace(&r[BASE]->requires_baseline, "GP-2026-0001");
}
static void
to_lost_fix(struct graft_release **r)
{
	replace(&r[HOT_2]->cves.list[0], "CVE-2026-0003");
	replace(&r[CUMULATIVE_2]->cves.list[0], "CVE-2026-0003");
}
static void
to_lost_module(struct graft_release **r)
{
	replace(&r[HOT_2]->modules[0].path, "usr/lib/y.so");
}
static void
to_other_old_build(struct graft_release **r)
{
	replace(&r[HOT_2]->modules[0].old_build_id, "bb");
}
static void
to_unsaid_supersedes(struct graft_release **r)
{
	free(r[HOT_2]->supersedes.list[0]);
	r[HOT_2]->supersedes.count = 0;
}
static void
to_absent_superseded(struct graft_release **r)
{
	fixes(r[OUT], "CVE-2026-0009");
	assert_null(graft_words_add(&r[OUT]->supersedes, "GP-2026-0098"));
}
static void
to_later_superseded(struct graft_release **r)
{
	assert_null(graft_words_add(&r[HOT_1]->supersedes, "GP-2026-0005"));
}
static void
to_itself(struct graft_release **r)
{
	assert_null(graft_words_add(&r[OUT]->supersedes, "GP-2026-0006"));
}
static void
to_circle(struct graft_release **r)
{
	// Of one day, so that nothing but the circle is wrong.
	assert_null(graft_words_add(&r[HOT_2]->supersedes, "GP-2026-0004"));
	assert_null(
		graft_words_add(&r[CUMULATIVE_2]->supersedes, "GP-2026-0005"));
}
static void
to_no_cumulative(struct graft_release **r)
{
	replace(&r[HOT_1]->cumulative, NULL);
}
static void
to_absent_cumulative(struct graft_release **r)
{
	replace(&r[HOT_1]->cumulative, "GP-2026-0097");
}
static void
to_hot_cumulative(struct graft_release **r)
{
	replace(&r[HOT_1]->cumulative, "GP-2026-0003");
}
static void
to_lesser_cumulative(struct graft_release **r)
{
	replace(&r[HOT_2]->cumulative, "GP-2026-0002");
}
static void
to_poorer_cumulative(struct graft_release **r)
{
	add_package(r[HOT_1]);
	replace(&r[HOT_1]->packages[0].name, "y");
}
static void
to_older_cumulative(struct graft_release **r)
{
	add_package(r[HOT_2]);
	replace(&r[HOT_2]->packages[0].version, "1+deb12u1");
}
static void
to_hotpatch_that_goes_back(struct graft_release **r)
{
	add_package(r[HOT_1]);
	add_package(r[HOT_2]);
	replace(&r[HOT_2]->packages[0].version, "1~rc1");
}
static void
to_hotpatch_without_a_package(struct graft_release **r)
{
	add_package(r[HOT_1]);
}
static void
to_silent_leaving(struct graft_release **r)
{
	r[OUT]->keeps_track = false;
}
static void
to_leaving_and_keeping(struct graft_release **r)
{
	r[OUT]->leaves_track = 3;
}
static void
to_no_form(struct graft_release **r)
{
	r[HOT_1]->forms[0].kind = GRAFT_RELEASE_FORM_PACKAGE;
}
static void
to_no_package(struct graft_release **r)
{
	r[BASE]->forms[0].kind = GRAFT_RELEASE_FORM_DELTA;
}
static void
to_other_year(struct graft_release **r)
{
	replace(&r[OUT]->id, "GP-2027-0006");
}
static void
to_same_id(struct graft_release **r)
{
	replace(&r[OUT]->id, "GP-2026-0005");
}

static void
to_level_to_come(struct graft_release **r)
{
	assert_true(graft_level_read("2027-01", &r[OUT]->level));
}
static void
to_level_of_its_baseline(struct graft_release **r)
{
	r[HOT_1]->level = r[BASE]->level;
}
static void
to_level_of_the_superseded(struct graft_release **r)
{
	r[CUMULATIVE_2]->level = r[CUMULATIVE_1]->level;
}
static void
each_rule_is_kept(void **state)
{
	static const struct {
		const char *rule;
		void (*change)(struct graft_release **list);
	} rows[] = {
		{ "C-01", to_feature },
		{ "C-02", to_baseline_module },
		{ "C-04", to_restarting_hotpatch },
		{ "C-04", to_leaving_hotpatch },
		{ "C-04", to_resting_baseline },
		{ "C-04", to_leaving_baseline },
		{ "C-05", to_no_baseline },
		{ "C-05", to_absent_baseline },
		{ "C-05", to_other_baseline },
		{ "C-05", to_later_baseline },
		{ "C-05", to_baseline_of_baseline },
		{ "C-06", to_lost_fix },
		{ "C-06", to_lost_module },
		{ "C-06", to_other_old_build },
		{ "C-06", to_hotpatch_that_goes_back },
		{ "C-06", to_hotpatch_without_a_package },
		{ "C-07", to_unsaid_supersedes },
		{ "C-07", to_absent_superseded },
		{ "C-07", to_later_superseded },
		{ "C-08", to_itself },
		{ "C-08", to_circle },
		{ "C-09", to_no_cumulative },
		{ "C-09", to_absent_cumulative },
		{ "C-09", to_hot_cumulative },
		{ "C-09", to_lesser_cumulative },
		{ "C-09", to_poorer_cumulative },
		{ "C-09", to_older_cumulative },
		{ "C-10", to_silent_leaving },
		{ "C-10", to_leaving_and_keeping },
		{ "C-11", to_no_form },
		{ "C-11", to_no_package },
		{ "C-12", to_other_year },
		{ "C-12", to_same_id },
		{ "C-13", to_level_to_come },
		{ "C-13", to_level_of_its_baseline },
		{ "C-13", to_level_of_the_superseded },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		GRAFT_CLEANUP(graft_catalogue_deinit)
		struct graft_catalogue c = { 0 };
		fill(&c);
		rows[i].change(c.list);
		struct graft_error *err = graft_catalogue_check(&c, false);
		if (!err)
			fail_msg("row %zu: %s is not found", i, rows[i].rule);
		assert_int_equal(graft_error_code(err), GRAFT_ERROR_REFUSED);
		if (!strstr(graft_error_message(err), rows[i].rule))
			fail_msg("row %zu: not %s: %s", i, rows[i].rule,
				 graft_error_message(err));
		graft_error_free(err);
	}
}

static void
what_breaks_no_rule_passes(void **state)
{
	GRAFT_CLEANUP(graft_catalogue_deinit) struct graft_catalogue c = { 0 };
	struct graft_catalogue none = { 0 };

	(void)state;
	fill(&c);
	// The releases for the others may bring more than the hotpatches.
	add_package(c.list[HOT_1]);
	add_package(c.list[HOT_2]);
	replace(&c.list[CUMULATIVE_2]->packages[0].version, "1.1");
	// One that was mended comes a second time in its month.
	assert_true(graft_level_read("2026-12.1", &c.list[HOT_2]->level));
	struct graft_error *err = graft_catalogue_check(&c, false);
	if (err)
		fail_msg("%s", graft_error_message(err));
	assert_null(graft_catalogue_check(&none, true));
	assert_true(graft_catalogue_is_superseded(&c, "GP-2026-0003"));
	assert_false(graft_catalogue_is_superseded(&c, "GP-2026-0005"));
	// One that says of all devices that leave the track.
	c.list[OUT]->keeps_track = false;
	c.list[OUT]->leaves_track = 12;
	assert_null(graft_catalogue_check(&c, false));
}

static void
the_policy_may_ask_for_proofs(void **state)
{
	GRAFT_CLEANUP(graft_catalogue_deinit) struct graft_catalogue c = { 0 };

	(void)state;
	fill(&c);
	struct graft_error *err = graft_catalogue_check(&c, true);
	assert_non_null(err);
	assert_non_null(strstr(graft_error_message(err), "C-03"));
	graft_error_free(err);
	replace(&c.list[HOT_1]->modules[0].assurance, "proven");
	replace(&c.list[HOT_2]->modules[0].assurance, "proven");
	assert_null(graft_catalogue_check(&c, true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_is_kept),
		cmocka_unit_test(what_breaks_no_rule_passes),
		cmocka_unit_test(the_policy_may_ask_for_proofs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
