// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * In which registers a call passes something.
 *
 * A register may hold an address where a function is called and nobody asks for
 * it. What a function takes is seen in its code and, where there are some, by its
 * types.
 */

#ifndef GRAFT_JUDGE_PASSED_H
#define GRAFT_JUDGE_PASSED_H

#include "judge/flow/escape.h"

enum {
	/** Every register that may hold an argument, a bit each. */
	GRAFT_PASSED_ALL = 1 << GRAFT_REG_RDI | 1 << GRAFT_REG_RSI |
			   1 << GRAFT_REG_RDX | 1 << GRAFT_REG_RCX |
			   1 << GRAFT_REG_R8 | 1 << GRAFT_REG_R9,
};

/**
 * Find the registers in which a call, or a jump that leaves, may pass something.
 *
 * @param[in] op The call, of @p ops.
 * @param[in] held Registers that hold the address that is followed, or one
 * computed from it: a call by a pointer there goes to what
 * graft_escape_way::table names.
 * @param[out] ret A set of them; too many where that is not known.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; what reading debug information returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_passed_by(struct graft_argument_reader *reader,
		const struct graft_escape_way *how, const struct graft_ops *ops,
		const struct graft_op *op, uint32_t held, uint32_t *ret);

#endif /* GRAFT_JUDGE_PASSED_H */
