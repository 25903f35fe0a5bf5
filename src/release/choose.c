// SPDX-License-Identifier: Apache-2.0

#include "release/choose.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/** What is being chosen from. */
struct choosing {
	const struct graft_catalogue *catalogue;
	/** What the administrator says. */
	const struct graft_policy *asked;
	/** For each release: it is meant, and nothing that is meant takes its place. */
	bool *live;
};

void
graft_choice_deinit(struct graft_choice *choice)
{
	free(choice->releases);
	*choice = (struct graft_choice){ 0 };
}

/** Get the level of the baseline that a release is, or is for; 0: none. */
static graft_level
baseline_of(const struct choosing *choosing,
	    const struct graft_release *release)
{
	if (release->line == GRAFT_RELEASE_BASELINE)
		return release->level;
	const struct graft_release *baseline = graft_catalogue_find(
		choosing->catalogue, release->requires_baseline);
	return baseline ? baseline->level : 0;
}

/** Say whether the policy lets a release be taken by anybody. */
static bool
is_meant(const struct choosing *choosing, const struct graft_release *release)
{
	const struct graft_policy *asked = choosing->asked;
	const graft_level baseline = baseline_of(choosing, release);

	if (asked->latest && release->level > asked->latest)
		return false;
	if (!asked->baseline_count || (!graft_release_is_hot(release) &&
				       release->line != GRAFT_RELEASE_BASELINE))
		return true;
	for (size_t i = 0; i < asked->baseline_count; i++) {
		if (asked->baselines[i].level == baseline)
			return release->level <= asked->baselines[i].newest;
	}
	return false;
}

/** Find which releases live: what is not meant takes nobody's place. */
GRAFT_MUST_CHECK static struct graft_error *
find_live(struct choosing *choosing)
{
	const struct graft_catalogue *catalogue = choosing->catalogue;

	choosing->live = calloc(catalogue->count + 1, sizeof(bool));
	if (!choosing->live)
		return graft_error_no_memory();
	for (size_t i = 0; i < catalogue->count; i++)
		choosing->live[i] = is_meant(choosing, catalogue->list[i]);
	for (size_t i = 0; i < catalogue->count; i++) {
		const struct graft_words *gone =
			&catalogue->list[i]->supersedes;
		if (!is_meant(choosing, catalogue->list[i]))
			continue;
		for (size_t k = 0; k < catalogue->count; k++) {
			if (graft_words_have(gone, catalogue->list[k]->id))
				choosing->live[k] = false;
		}
	}
	return NULL;
}

/** Say whether any module of a release is not proven. */
static bool
is_inferred(const struct graft_release *release)
{
	for (size_t i = 0; i < release->module_count; i++) {
		const char *assurance = release->modules[i].assurance;
		if (!assurance || strcmp(assurance, "proven") != 0)
			return true;
	}
	return false;
}

/** Add a baseline in order; the oldest goes if there are too many. */
static void
add_baseline(struct graft_policy *policy, graft_level level)
{
	size_t at = 0;

	while (at < policy->baseline_count &&
	       policy->baselines[at].level < level)
		at++;
	if (at < policy->baseline_count && policy->baselines[at].level == level)
		return;
	if (policy->baseline_count == GRAFT_POLICY_BASELINES_MAX) {
		if (at == 0)
			return;
		at--;
		memmove(&policy->baselines[0], &policy->baselines[1],
			at * sizeof(*policy->baselines));
	} else {
		memmove(&policy->baselines[at + 1], &policy->baselines[at],
			(policy->baseline_count - at) *
				sizeof(*policy->baselines));
		policy->baseline_count++;
	}
	policy->baselines[at] = (struct graft_live_baseline){ .level = level,
							      .newest = level };
}

/** Note a hotpatch with its baseline, if that lives. */
static void
add_hot(struct graft_policy *policy, graft_level baseline,
	const struct graft_release *release)
{
	for (size_t i = 0; i < policy->baseline_count; i++) {
		struct graft_live_baseline *live = &policy->baselines[i];
		if (live->level != baseline || release->level < live->newest)
			continue;
		live->newest = release->level;
		live->inferred = is_inferred(release);
	}
}

/** Have the policy say what lives. */
static void
say_what_lives(const struct choosing *choosing, struct graft_policy *policy)
{
	const struct graft_catalogue *catalogue = choosing->catalogue;

	policy->baseline_count = 0;
	policy->latest = 0;
	for (size_t i = 0; i < catalogue->count; i++) {
		const struct graft_release *release = catalogue->list[i];
		if (!choosing->live[i])
			continue;
		if (release->line == GRAFT_RELEASE_BASELINE)
			add_baseline(policy, release->level);
		if (release->level > policy->latest)
			policy->latest = release->level;
	}
	for (size_t i = 0; i < catalogue->count; i++) {
		const struct graft_release *release = catalogue->list[i];
		if (choosing->live[i] && graft_release_is_hot(release))
			add_hot(policy, baseline_of(choosing, release),
				release);
	}
}

/** Say whether a release is one of those that bring what was decided. */
static bool
is_chosen(const struct choosing *choosing, size_t i,
	  const struct graft_facts *facts, const struct graft_choice *choice)
{
	const struct graft_release *release = choosing->catalogue->list[i];
	const struct graft_policy *policy = &choice->policy;
	const bool hot = graft_release_is_hot(release);

	if (!choosing->live[i])
		return false;
	switch (choice->eligibility.decision) {
	case GRAFT_DECISION_HOTPATCH:
		return hot &&
		       baseline_of(choosing, release) == facts->baseline &&
		       release->level == choice->eligibility.target;
	case GRAFT_DECISION_BASELINE:
		return release->line == GRAFT_RELEASE_BASELINE &&
		       release->level ==
			       policy->baselines[policy->baseline_count - 1]
				       .level;
	case GRAFT_DECISION_CUMULATIVE:
		return !hot && release->level > facts->level;
	default:
		return false;
	}
}

static int
compare_levels(const void *a, const void *b)
{
	const struct graft_release *const *one = a;
	const struct graft_release *const *other = b;

	if ((*one)->level != (*other)->level)
		return (*one)->level < (*other)->level ? -1 : 1;
	return strcmp((*one)->id, (*other)->id);
}

/** Gather the releases that bring what was decided. */
static void
gather(const struct choosing *choosing, const struct graft_facts *facts,
       struct graft_choice *choice)
{
	const enum graft_decision decision = choice->eligibility.decision;

	choice->count = 0;
	for (size_t i = 0; i < choosing->catalogue->count; i++) {
		if (is_chosen(choosing, i, facts, choice))
			choice->releases[choice->count++] =
				choosing->catalogue->list[i];
	}
	if (choice->count)
		qsort(choice->releases, choice->count,
		      sizeof(struct graft_release *), compare_levels);
	// A hotpatch has all of those before it, a baseline everything.
	if (choice->count > 1 && decision != GRAFT_DECISION_CUMULATIVE) {
		choice->releases[0] = choice->releases[choice->count - 1];
		choice->count = 1;
	}
}

struct graft_error *
graft_choose(const struct graft_catalogue *catalogue,
	     const struct graft_facts *facts, const struct graft_policy *policy,
	     struct graft_choice *ret)
{
	struct choosing choosing = { .catalogue = catalogue, .asked = policy };
	struct graft_choice choice = { .policy = *policy };
	struct graft_error *err = find_live(&choosing);

	choice.releases = calloc(catalogue->count + 1,
				 sizeof(struct graft_release *));
	if (!err && !choice.releases)
		err = graft_error_no_memory();
	if (err) {
		free(choosing.live);
		graft_choice_deinit(&choice);
		return err;
	}
	say_what_lives(&choosing, &choice.policy);
	choice.eligibility = graft_eligible(facts, &choice.policy);
	gather(&choosing, facts, &choice);
	// A baseline that is older than what the device has would take fixes away.
	if (choice.eligibility.decision == GRAFT_DECISION_BASELINE &&
	    (!choice.count || choice.releases[0]->level < facts->level)) {
		choice.eligibility.decision = GRAFT_DECISION_CUMULATIVE;
		choice.eligibility.target = choice.policy.latest;
		gather(&choosing, facts, &choice);
	}
	if (!choice.count &&
	    choice.eligibility.decision != GRAFT_DECISION_NOT_READY)
		choice.eligibility = (struct graft_eligibility){
			GRAFT_DECISION_UP_TO_DATE, 0, facts->level
		};
	// What is there may bring less than the newest level.
	if (choice.eligibility.decision == GRAFT_DECISION_CUMULATIVE)
		choice.eligibility.target =
			choice.releases[choice.count - 1]->level;
	free(choosing.live);
	*ret = choice;
	return NULL;
}
