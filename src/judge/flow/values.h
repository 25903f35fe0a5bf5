// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What registers and words of the frame hold at each instruction of a function,
 * as expressions that two builds can be compared by: "what is loaded from 8
 * behind the first argument, and 0x28 more".
 *
 * An expression does not name registers, and addresses of NEW are named by those
 * that stand for them in OLD, so that the same expression has the same number on
 * both sides, however the compiler computes it. It is an expression and no value:
 * memory may change between two loads that look the same.
 */

#ifndef GRAFT_JUDGE_VALUES_H
#define GRAFT_JUDGE_VALUES_H

#include "judge/case.h"
#include "judge/flow/op.h"

/** An expression: a root and a distance from it. */
struct graft_value {
	/** Hash of what it begins with. The lowest bit is set if that is known
	 * only in part: ways meet, or something was computed. */
	uint64_t root;
	int64_t off;
};

/** What is known before an instruction. */
struct graft_values;

/** What is followed, and what it is told. */
struct graft_values_reader {
	/** Borrowed. */
	const struct graft_case *c;
	/**
	 * Called with what is known before an instruction; again whenever less
	 * is known there. The last call counts.
	 */
	void (*see)(void *context, const struct graft_ops *ops, uint32_t at,
		    const struct graft_values *values);
	void *context;
};

/**
 * Follow every way through a function of either side.
 *
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; #GRAFT_ERROR_LIMIT if it is too long.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_values_follow(const struct graft_values_reader *reader,
		    const struct graft_ops *ops);

/** As graft_values_follow(); a function that is too long says nothing. */
GRAFT_MUST_CHECK struct graft_error *
graft_values_follow_short(const struct graft_values_reader *reader,
			  const struct graft_ops *ops);

/** Get what a register holds. */
struct graft_value
graft_value_of_reg(const struct graft_values *values, uint8_t reg);

/** Get the address that an instruction's memory operand names. */
struct graft_value
graft_value_of_address(const struct graft_values_reader *reader,
		       const struct graft_ops *ops,
		       const struct graft_values *values, uint32_t at);

/** Get what an instruction that is no push or pop puts into its destination;
 * what a call returns. */
struct graft_value
graft_value_of_result(const struct graft_values_reader *reader,
		      const struct graft_ops *ops,
		      const struct graft_values *values, uint32_t at);

/** Say whether two expressions are the same. */
bool
graft_value_is_same(struct graft_value a, struct graft_value b);

/** Say whether two expressions name two things for certain: they begin with the
 * same and differ in the distance, or what both begin with is known. Numbers
 * name nothing. */
bool
graft_value_is_other(struct graft_value a, struct graft_value b);

/** Say whether it is known what an expression names, and no number. */
bool
graft_value_is_something(struct graft_value value);

/** Say whether an expression is a place in the frame. */
bool
graft_value_is_in_frame(struct graft_value value);

/** Say whether an expression is an address of OLD. */
bool
graft_value_is_old_address(struct graft_value value, uint64_t *addr_ret);

/** Say whether an expression is an address of NEW of which nobody knows what
 * stood there in OLD. */
bool
graft_value_is_new_address(struct graft_value value, uint64_t *addr_ret);

#endif /* GRAFT_JUDGE_VALUES_H */
