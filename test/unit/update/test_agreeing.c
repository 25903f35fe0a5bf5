// SPDX-License-Identifier: Apache-2.0

// What counts of what several repositories say.

#include "base/cleanup.h"
#include "update/agreeing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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

/** Have a side list a release: "B" a baseline, "C" a cumulative one; a number, and a title. */
static void
list(struct graft_side *side, char kind, char number, const char *title,
     const char *supersedes)
{
	char id[] = "GP-2026-0000";
	struct graft_release *r = NULL;

	id[sizeof(id) - 2] = number;
	assert_null(graft_release_new(&r));
	r->id = text(id);
	r->line = kind == 'B' ? GRAFT_RELEASE_BASELINE
			      : GRAFT_RELEASE_CUMULATIVE;
	memcpy(r->date, "2026-11-10", GRAFT_RELEASE_DATE_LEN);
	assert_true(graft_level_read(number == '1' ? "2026-10" : "2026-11",
				     &r->level));
	r->title = text(title);
	r->restart = true;
	r->keeps_track = kind == 'B';
	r->packages = calloc(1, sizeof(*r->packages));
	assert_non_null(r->packages);
	r->packages[0] = (struct graft_release_package){ .name = text("x"),
							 .version = text("1") };
	r->package_count = r->package_cap = 1;
	r->forms = calloc(1, sizeof(*r->forms));
	assert_non_null(r->forms);
	r->forms[0] = (struct graft_release_form){
		.kind = GRAFT_RELEASE_FORM_PACKAGE, .path = text("pool/x")
	};
	r->form_count = r->form_cap = 1;
	if (supersedes)
		assert_null(graft_words_add(&r->supersedes, supersedes));
	assert_null(graft_catalogue_take(&side->catalogue, r));
}

/** Three sides. */
struct three {
	struct graft_side sides[3];
	struct graft_agreement agreement;
	struct graft_agreed agreed;
};

static void
three_deinit(struct three *three)
{
	graft_agreed_deinit(&three->agreed);
	for (int i = 0; i < 3; i++)
		graft_catalogue_deinit(&three->sides[i].catalogue);
}

static struct three
begin(bool first)
{
	struct three three = {
		.sides = { { .name = "a" }, { .name = "b" }, { .name = "c" } },
		.agreement = { .first = first },
	};

	for (size_t i = 0; i < GRAFT_RELEASE_LINES; i++)
		three.agreement.deciders[i] = SIZE_MAX;
	return three;
}

static void
agree(struct three *three)
{
	struct graft_error *err =
		graft_agree(three->sides, 3, &three->agreement, &three->agreed);

	if (err)
		fail_msg("%s", graft_error_message(err));
}

static void
refuses(struct three *three, enum graft_error_code code, const char *message)
{
	struct graft_error *err =
		graft_agree(three->sides, 3, &three->agreement, &three->agreed);

	assert_non_null(err);
	assert_int_equal(graft_error_code(err), code);
	assert_string_equal(graft_error_message(err), message);
	graft_error_free(err);
}

/** See that just these count, by their numbers, and of which sides they are. */
static void
counts(const struct three *three, const char *numbers, const char *sides)
{
	const struct graft_agreed *agreed = &three->agreed;

	assert_int_equal(agreed->catalogue.count, strlen(numbers));
	for (size_t i = 0; i < agreed->catalogue.count; i++) {
		const char *id = agreed->catalogue.list[i]->id;
		assert_int_equal(id[strlen(id) - 1], numbers[i]);
		assert_int_equal('a' + (int)agreed->sides[i], sides[i]);
	}
}

static void
disagrees(const struct three *three, size_t i, const char *release,
	  const char *repository, const char *what, bool counting)
{
	assert_true(i < three->agreed.disagreement_count);
	const struct graft_disagreement *one = &three->agreed.disagreements[i];

	assert_string_equal(one->release, release);
	assert_string_equal(one->repository, repository);
	assert_string_equal(one->what, what);
	assert_int_equal(one->counts, counting);
}

static void
what_all_list_with_the_same_words_counts(void **state)
{
	(void)state;
	GRAFT_CLEANUP(three_deinit) struct three three = begin(false);

	for (int i = 2; i >= 0; i--) {
		list(&three.sides[i], 'C', '2', "y", NULL);
		list(&three.sides[i], 'B', '1', "x", NULL);
	}
	list(&three.sides[1], 'C', '3', "z", NULL);
	agree(&three);
	counts(&three, "12", "aa");
	assert_int_equal(three.agreed.disagreement_count, 2);
	disagrees(&three, 0, "GP-2026-0003", "a", "does not list it", false);
	disagrees(&three, 1, "GP-2026-0003", "c", "does not list it", false);
}

static void
another_word_on_what_counts_is_noted(void **state)
{
	(void)state;
	GRAFT_CLEANUP(three_deinit) struct three three = begin(true);

	list(&three.sides[0], 'B', '1', "x", NULL);
	list(&three.sides[1], 'C', '1', "x", NULL);
	list(&three.sides[2], 'B', '1', "x", NULL);
	agree(&three);
	counts(&three, "1", "a");
	assert_int_equal(three.agreed.disagreement_count, 1);
	disagrees(
		&three, 0, "GP-2026-0001", "b",
		"describes it otherwise (keeps_track, line); what a says counts",
		true);
}

static void
two_words_on_one_release_end_it(void **state)
{
	(void)state;
	GRAFT_CLEANUP(three_deinit) struct three three = begin(false);

	list(&three.sides[0], 'B', '1', "x", NULL);
	list(&three.sides[1], 'B', '1', "x", NULL);
	list(&three.sides[2], 'B', '1', "y", NULL);
	refuses(&three, GRAFT_ERROR_DIFFERENT,
		"GP-2026-0001: the repositories a and c do not say the same of "
		"it (title): nothing is done");
}

static void
two_who_decide_cannot_use_one_name(void **state)
{
	(void)state;
	GRAFT_CLEANUP(three_deinit) struct three three = begin(false);

	list(&three.sides[0], 'B', '1', "x", NULL);
	list(&three.sides[1], 'C', '1', "x", NULL);
	three.agreement.deciders[GRAFT_RELEASE_BASELINE] = 0;
	three.agreement.deciders[GRAFT_RELEASE_CUMULATIVE] = 1;
	refuses(&three, GRAFT_ERROR_DIFFERENT,
		"GP-2026-0001: a and b each have a release that is called so, "
		"of a line that they decide: nothing is done");
}

static void
who_does_not_decide_is_not_heard(void **state)
{
	(void)state;
	GRAFT_CLEANUP(three_deinit) struct three three = begin(false);

	three.agreement.deciders[GRAFT_RELEASE_BASELINE] = 1;
	list(&three.sides[0], 'B', '1', "x", NULL);
	list(&three.sides[2], 'B', '1', "x", NULL);
	list(&three.sides[1], 'B', '2', "y", NULL);
	agree(&three);
	counts(&three, "2", "b");
	assert_int_equal(three.agreed.disagreement_count, 2);
	disagrees(&three, 0, "GP-2026-0001", "a",
		  "lists it as baseline, and only b decides about such", false);
	// A word of the line that another decides is no agreement either.
	GRAFT_CLEANUP(three_deinit) struct three other = begin(false);
	other.agreement.deciders[GRAFT_RELEASE_BASELINE] = 1;
	for (int i = 0; i < 3; i++)
		list(&other.sides[i], i == 2 ? 'B' : 'C', '1', "x", NULL);
	agree(&other);
	counts(&other, "", "");
	disagrees(&other, 0, "GP-2026-0001", "c",
		  "calls it baseline, which b alone decides", false);
}

static void
the_last_cannot_lock_out_the_first(void **state)
{
	(void)state;
	GRAFT_CLEANUP(three_deinit) struct three three = begin(true);

	list(&three.sides[0], 'B', '1', "x", NULL);
	// It takes the place of what is nowhere.
	list(&three.sides[1], 'B', '2', "x", "GP-2026-0009");
	list(&three.sides[2], 'B', '3', "x", NULL);
	agree(&three);
	counts(&three, "13", "ac");
	assert_int_equal(three.agreed.disagreement_count, 1);
	assert_string_equal(three.agreed.disagreements[0].repository, "b");
	assert_non_null(strstr(three.agreed.disagreements[0].what, "C-07"));
	// Who is left is not asked.
	GRAFT_CLEANUP(three_deinit) struct three other = begin(true);
	list(&other.sides[0], 'B', '1', "x", NULL);
	list(&other.sides[1], 'B', '1', "y", NULL);
	other.sides[0].left = true;
	agree(&other);
	counts(&other, "1", "b");
	assert_int_equal(other.agreed.disagreement_count, 0);
}

static void
thousands_that_one_lists_alone_do_not_drown_what_is_said(void **state)
{
	(void)state;
	GRAFT_CLEANUP(three_deinit) struct three three = begin(false);

	for (char number = '1'; number < '1' + 40; number++)
		list(&three.sides[1], 'B', number, "x", NULL);
	agree(&three);
	counts(&three, "", "");
	assert_int_equal(three.agreed.disagreement_count, 64);
	assert_int_equal(three.agreed.disagreements_left_out, 16);
	disagrees(&three, 0, "GP-2026-0009", "a", "does not list it", false);
	disagrees(&three, 63, "GP-2026-000X", "c", "does not list it", false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_all_list_with_the_same_words_counts),
		cmocka_unit_test(another_word_on_what_counts_is_noted),
		cmocka_unit_test(two_words_on_one_release_end_it),
		cmocka_unit_test(two_who_decide_cannot_use_one_name),
		cmocka_unit_test(who_does_not_decide_is_not_heard),
		cmocka_unit_test(the_last_cannot_lock_out_the_first),
		cmocka_unit_test(
			thousands_that_one_lists_alone_do_not_drown_what_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
