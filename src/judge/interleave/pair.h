// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Two runs side by side: what is known where one is at a place of OLD and the other
 * at one of NEW.
 */

#ifndef GRAFT_JUDGE_PAIR_STATE_H
#define GRAFT_JUDGE_PAIR_STATE_H

#include "judge/interleave/side.h"

enum {
	/** Conditions of branches of NEW that are remembered. */
	GRAFT_PAIR_FACTS = 8,
};

/** What a run may have done before. */
enum graft_pair_done {
	GRAFT_PAIR_NOTHING,
	/** Nothing that it must give back. */
	GRAFT_PAIR_OPENED_NOTHING,
	GRAFT_PAIR_ANYTHING,
};

/** A condition that holds. */
struct graft_pair_fact {
	graft_term flags;
	uint8_t condition;
};

/** What is known of two runs. */
struct graft_pair_state {
	struct graft_side_state was;
	struct graft_side_state is;
	/** When the last effect was. */
	graft_term now;
	/** #graft_pair_done. */
	uint8_t done;
	struct graft_pair_fact facts[GRAFT_PAIR_FACTS];
	uint32_t fact_count;
};

/**
 * Let another way come to a place.
 *
 * What differs on the two ways gets names that are the same where it is the same
 * value on both.
 *
 * @param[in] key Number of the place.
 * @param[in,out] to What was known there.
 * @param[in] more What the other way brings.
 * @return Less is known now.
 */
bool
graft_pair_join(struct graft_terms *terms, uint64_t key,
		struct graft_pair_state *to,
		const struct graft_pair_state *more);

/** Remember that a condition holds. */
void
graft_pair_learn(struct graft_pair_state *state, graft_term flags,
		 uint8_t condition);

/**
 * Say whether what is remembered settles a condition.
 *
 * @param[out] holds_ret Which way; written if it does.
 */
bool
graft_pair_settles(const struct graft_terms *terms,
		   const struct graft_pair_state *state, graft_term flags,
		   uint8_t condition, bool *holds_ret);

#endif /* GRAFT_JUDGE_PAIR_STATE_H */
