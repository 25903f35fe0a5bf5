// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What kind of change a function underwent, from its aligned instructions.
 *
 * For people: no rule rests on it, and a function is carried or not whatever is
 * said here (but for lines, which diff/change/line.h proves).
 */

#ifndef GRAFT_EXPLAIN_CLASSIFY_H
#define GRAFT_EXPLAIN_CLASSIFY_H

#include "base/error.h"
#include "diff/change/line.h"
#include "explain/explanation.h"
#include "judge/flow/twin.h"

/** Classifies the functions of one diff. */
struct graft_classifier {
	/** Borrowed. */
	struct graft_diff *diff;
	struct graft_line_prover prover;
};

/**
 * Make a classifier.
 *
 * @param[in] diff Borrowed until the classifier is freed.
 * @param[out] ret Filled; free with graft_classifier_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_classifier_init(struct graft_diff *diff, struct graft_classifier *ret);

/** Free what a classifier owns. Also its guard. */
void
graft_classifier_deinit(struct graft_classifier *classifier);

/**
 * Classify a function beside its old self.
 *
 * @param[in] twin Both sides.
 * @param[out] pairs One set of #graft_class for each pair of the twin; 0 where
 * both instructions do the same.
 * @param[out] func Its classes and its sentence are set.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_classify(struct graft_classifier *classifier,
	       const struct graft_twin *twin, uint32_t *pairs,
	       struct graft_explained_func *func);

#endif /* GRAFT_EXPLAIN_CLASSIFY_H */
