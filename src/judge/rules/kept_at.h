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

/**
 * Find where the first argument of a call was loaded from.
 *
 * @param[in] at Index of the call.
 * @param[out] ret The place; means something only if there is a load.
 * @return Index of the load; graft_ops::count if it is not seen, or in the frame.
 */
uint32_t
graft_kept_at_of_argument(const struct graft_case *c,
			  const struct graft_ops *ops, uint32_t at,
			  struct graft_kept_at *ret);

/**
 * Find where the result of a call is put.
 *
 * @param[in] at Index of the call.
 * @param[out] ret The place; means something only if this returns true.
 */
bool
graft_kept_at_of_result(const struct graft_case *c, const struct graft_ops *ops,
			uint32_t at, struct graft_kept_at *ret);

/** Say whether two places are the same one, as far as is known. */
static inline bool
graft_kept_at_is_same(const struct graft_kept_at *a,
		      const struct graft_kept_at *b)
{
	return a->named == b->named && a->indexed == b->indexed &&
	       a->at == b->at;
}

#endif /* GRAFT_JUDGE_KEPT_AT_H */
