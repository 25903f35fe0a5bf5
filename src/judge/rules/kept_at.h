// SPDX-License-Identifier: Apache-2.0

/** @file Where code keeps something beyond its call: places that both builds share. */

#ifndef GRAFT_JUDGE_KEPT_AT_H
#define GRAFT_JUDGE_KEPT_AT_H

#include "judge/case.h"
#include "judge/flow/op.h"

/** A place in memory. Plain data. */
struct graft_kept_at {
	/** It has a name: @ref at is OLD's address; else a displacement behind a
	 * pointer. */
	bool named;
	/** It is one of an array: an index is added. */
	bool indexed;
	int64_t at;
};

/**
 * Find the place that an instruction reaches.
 *
 * @param[out] ret Filled; means something only if this returns true.
 * @return false if it is in the frame, or if what it names in NEW is not surely
 * known in OLD.
 */
bool
graft_kept_at_find(const struct graft_case *c, const struct graft_ops *ops,
		   const struct graft_op *op, struct graft_kept_at *ret);

/** Say whether two places are the same one, as far as is known. */
static inline bool
graft_kept_at_is_same(const struct graft_kept_at *a,
		      const struct graft_kept_at *b)
{
	return a->named == b->named && a->indexed == b->indexed &&
	       a->at == b->at;
}

#endif /* GRAFT_JUDGE_KEPT_AT_H */
