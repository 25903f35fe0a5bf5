// SPDX-License-Identifier: Apache-2.0

#include "release/eligible.h"

#include <assert.h>
#include <string.h>

static const struct {
	const char *wire;
	const char *owner;
	const char *remedy;
} reasons[] = {
#define VENDOR        "vendor"
#define ADMINISTRATOR "administrator"
#define GRAFT_ELIGIBLE_REASON(symbol, wire, owner, remedy)                     \
	[GRAFT_ELIGIBLE_##symbol] = { (wire), (owner), (remedy) },
#include "release/eligible.def"
#undef GRAFT_ELIGIBLE_REASON
};

static uint32_t
bit(enum graft_eligible_reason reason)
{
	return 1U << reason;
}

/** Is a name in a list? An empty list holds all. */
static bool
holds(const struct graft_names *names, const struct graft_fact *name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->names[i].str, name->str) == 0)
			return true;
	}
	return names->count == 0;
}

/** Find what keeps a device from any update. */
static uint32_t
find_obstacles(const struct graft_facts *facts,
	       const struct graft_policy *policy)
{
	uint32_t found = 0;

	if (facts->held)
		found |= bit(GRAFT_ELIGIBLE_HELD);
	if (!holds(&policy->architectures, &facts->architecture))
		found |= bit(GRAFT_ELIGIBLE_ARCHITECTURE);
	if (!holds(&policy->distributions, &facts->distribution))
		found |= bit(GRAFT_ELIGIBLE_DISTRIBUTION);
	if (facts->agent < policy->agent)
		found |= bit(GRAFT_ELIGIBLE_AGENT);
	if (facts->space < policy->space)
		found |= bit(GRAFT_ELIGIBLE_SPACE);
	return found;
}

/** Find what keeps a device from hotpatches, whatever its level. */
static uint32_t
find_hindrances(const struct graft_facts *facts,
		const struct graft_policy *policy)
{
	uint32_t found = 0;

	if (!holds(&policy->editions, &facts->edition))
		found |= bit(GRAFT_ELIGIBLE_EDITION);
	if ((facts->abilities & policy->abilities) != policy->abilities)
		found |= bit(GRAFT_ELIGIBLE_ABILITIES);
	return found;
}

/** Find the baseline of a device among those that live, or NULL. */
static const struct graft_live_baseline *
find_baseline(const struct graft_facts *facts,
	      const struct graft_policy *policy)
{
	for (size_t i = 0; i < policy->baseline_count; i++) {
		if (policy->baselines[i].level == facts->baseline)
			return &policy->baselines[i];
	}
	return NULL;
}

/** Decide for a device that may have hotpatches. */
static struct graft_eligibility
decide_on_track(const struct graft_facts *facts,
		const struct graft_policy *policy)
{
	const struct graft_live_baseline *own = find_baseline(facts, policy);
	const struct graft_live_baseline *last =
		policy->baseline_count
			? &policy->baselines[policy->baseline_count - 1]
			: NULL;

	if (own && facts->level < own->newest && own->inferred &&
	    policy->proven)
		return (struct graft_eligibility){
			GRAFT_DECISION_CUMULATIVE,
			bit(GRAFT_ELIGIBLE_ASSURANCE), policy->latest
		};
	if (own && facts->level < own->newest)
		return (struct graft_eligibility){ GRAFT_DECISION_HOTPATCH, 0,
						   own->newest };
	// What is newest came with a newer baseline, or its own is no longer served.
	if (last && (!own || own != last) && facts->level < last->newest)
		return (struct graft_eligibility){
			GRAFT_DECISION_BASELINE,
			own               ? bit(GRAFT_ELIGIBLE_NEWER_BASELINE)
			: facts->baseline ? bit(GRAFT_ELIGIBLE_BASELINE)
					  : bit(GRAFT_ELIGIBLE_LEVEL),
			last->newest
		};
	// What came out of band and is no hotpatch would take it off the track.
	if (own)
		return (struct graft_eligibility){ GRAFT_DECISION_UP_TO_DATE, 0,
						   facts->level };
	return (struct graft_eligibility){ GRAFT_DECISION_CUMULATIVE,
					   bit(GRAFT_ELIGIBLE_BASELINE),
					   policy->latest };
}

struct graft_eligibility
graft_eligible(const struct graft_facts *facts,
	       const struct graft_policy *policy)
{
	uint32_t hindrances = find_hindrances(facts, policy);
	uint32_t obstacles = find_obstacles(facts, policy);
	struct graft_eligibility eligibility = {
		GRAFT_DECISION_CUMULATIVE,
		hindrances,
		policy->latest,
	};

	if (facts->level && facts->level >= policy->latest)
		return (struct graft_eligibility){ GRAFT_DECISION_UP_TO_DATE, 0,
						   facts->level };
	if (!hindrances)
		eligibility = decide_on_track(facts, policy);
	if (eligibility.decision == GRAFT_DECISION_UP_TO_DATE || !obstacles)
		return eligibility;
	return (struct graft_eligibility){ GRAFT_DECISION_NOT_READY, obstacles,
					   facts->level };
}

const char *
graft_decision_name(enum graft_decision decision)
{
	static const char *const names[] = {
		[GRAFT_DECISION_UP_TO_DATE] = "up to date",
		[GRAFT_DECISION_HOTPATCH] = "hotpatch",
		[GRAFT_DECISION_BASELINE] = "baseline",
		[GRAFT_DECISION_CUMULATIVE] = "cumulative",
		[GRAFT_DECISION_NOT_READY] = "not ready",
	};

	return names[decision];
}

const char *
graft_eligible_reason_name(enum graft_eligible_reason reason)
{
	assert(reason < GRAFT_ELIGIBLE_REASON_COUNT);
	return reasons[reason].wire;
}

const char *
graft_eligible_reason_owner(enum graft_eligible_reason reason)
{
	assert(reason < GRAFT_ELIGIBLE_REASON_COUNT);
	return reasons[reason].owner;
}

const char *
graft_eligible_reason_remedy(enum graft_eligible_reason reason)
{
	assert(reason < GRAFT_ELIGIBLE_REASON_COUNT);
	return reasons[reason].remedy;
}

const char *
graft_ability_name(unsigned i)
{
	static const char *const names[GRAFT_ABILITY_COUNT] = {
		"ptrace", "memory-write", "pidfd", "kcmp"
	};

	return i < GRAFT_ABILITY_COUNT ? names[i] : NULL;
}
