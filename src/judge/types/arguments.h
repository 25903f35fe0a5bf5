// SPDX-License-Identifier: Apache-2.0

/** @file In which registers a function is given its parameters, by their types. */

#ifndef GRAFT_JUDGE_TYPES_ARGUMENTS_H
#define GRAFT_JUDGE_TYPES_ARGUMENTS_H

#include "judge/case.h"

/**
 * Find the general registers in which a function of NEW may be given something.
 *
 * A compiler may hand parameters otherwise to a function that only it knows the
 * callers of; then nothing is said, unless there are none.
 *
 * @param[in] func Index in NEW's graft_code::funcs.
 * @param[out] ret Registers, a bit each as in graft_op::reads; all that may hold
 * arguments if types do not settle it.
 * @return NULL; what reading debug information returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_types_argument_registers(const struct graft_case *c, uint32_t func,
			       uint32_t *ret);

#endif /* GRAFT_JUDGE_TYPES_ARGUMENTS_H */
