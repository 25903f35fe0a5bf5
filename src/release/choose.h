// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which releases of a catalogue a device should take now.
 *
 * What lives (baselines, and the newest hotpatch for each) is what the catalogue says of itself; what
 * a device may have of it is decided by graft_eligible(). Both are pure functions, so a device
 * and a forecast agree. A policy that names baselines or a latest level takes no more than those.
 */

#ifndef GRAFT_RELEASE_CHOOSE_H
#define GRAFT_RELEASE_CHOOSE_H

#include "base/error.h"
#include "release/catalogue.h"
#include "release/eligible.h"

#include <stddef.h>

/** What a device gets. All zeroes is nothing. */
struct graft_choice {
	struct graft_eligibility eligibility;
	/** The policy that decided: with what lives. */
	struct graft_policy policy;
	/** One of a hotpatch or a baseline, else those that are needed together, by ascending level. The
	 * array is owned, the releases are borrowed from the catalogue. */
	const struct graft_release **releases;
	size_t count;
};

/** Free what a choice owns. Also its guard. */
void
graft_choice_deinit(struct graft_choice *choice);

/**
 * Choose.
 *
 * @param[in] catalogue Checked (graft_catalogue_check()); outlives the choice.
 * @param[in] policy Perhaps without baselines and latest level (graft_policy_parse_beside()).
 * @param[out] ret Deinit with graft_choice_deinit().
 * @return NULL; no memory.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_choose(const struct graft_catalogue *catalogue,
	     const struct graft_facts *facts, const struct graft_policy *policy,
	     struct graft_choice *ret);

#endif /* GRAFT_RELEASE_CHOOSE_H */
