// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Code that moves a thread to another stack: coroutines that a program
 * makes by itself, without makecontext(3). What is suspended on a stack that no
 * thread stands on is known to nobody.
 */

#ifndef GRAFT_PLAN_STACK_SWITCH_H
#define GRAFT_PLAN_STACK_SWITCH_H

#include "base/error.h"
#include "proc/stack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Look for an instruction that puts something into the stack pointer that did not
 * come from it: no frame that is made, aligned, resized or left, and no stack
 * pointer that the same function kept in a register or in its frame.
 *
 * Where it is not seen what the value is, it counts as such. A frame pointer
 * counts as what came from the stack pointer, unless the same function put
 * something else into it. What is no function by the tables is decoded too.
 *
 * @param[in] code Bytes of an executable mapping, and where they are.
 * @param[in] len Their number.
 * @param[in] functions Where functions are, ascending, without overlaps.
 * @param[in] count Their number.
 * @param[out] ret Whether there is one.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_stack_switch_in(const uint8_t *code, uint64_t addr, size_t len,
		      const struct graft_range *functions, size_t count,
		      bool *ret);

#endif /* GRAFT_PLAN_STACK_SWITCH_H */
