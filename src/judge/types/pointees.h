// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What the memory operands of a function reach, by types: a member of a struct,
 * of which the types of both builds say whether it moved, or something at a
 * distance from a pointer to bytes, of which no type says anything.
 *
 * Followed along every way: variables where debug information says that they are,
 * what is loaded from members and variables, what functions return.
 */

#ifndef GRAFT_JUDGE_TYPES_POINTEES_H
#define GRAFT_JUDGE_TYPES_POINTEES_H

#include "judge/case.h"
#include "judge/flow/op.h"
#include "judge/types/place.h"

/** What a function reaches. */
struct graft_pointees {
	/** For each instruction: a member, an element of a variable, or the start
	 * of an object is reached by its memory operand, or by the address that
	 * it makes by adding a constant. Not set where nobody knows, for bytes,
	 * and for what is outside of an object. */
	bool *described;
	/** For each instruction the place that its memory operand names. */
	struct graft_type_place *reached;
};

/**
 * Follow what a function of either side reaches. Nothing is described if there
 * are no types, or the function is too long.
 *
 * @param[out] ret Free with graft_pointees_deinit().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; what reading debug information returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_pointees_read(const struct graft_case *c, const struct graft_ops *ops,
		    struct graft_pointees *ret);

/** Free what is known, and zero it. Also its guard. */
void
graft_pointees_deinit(struct graft_pointees *pointees);

#endif /* GRAFT_JUDGE_TYPES_POINTEES_H */
