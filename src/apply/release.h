// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Give the memory of a hotpatch back that was just taken out
 * (docs/decisions/giving-back.md).
 *
 * The stop in which its jumps were taken out showed that no thread was in its code. What
 * is still to be shown is that nothing leads there again; where it cannot be, the memory
 * stays, and a later apply of the same hotpatch uses it again.
 */

#ifndef GRAFT_APPLY_RELEASE_H
#define GRAFT_APPLY_RELEASE_H

#include "apply/switch.h"
#include "base/error.h"
#include "plan/find.h"
#include "proc/target.h"

#include <stdbool.h>

/**
 * Give a shadow and its header page back, if nothing leads there.
 *
 * @param[in,out] target State RUNNING; and after it.
 * @param[in] all Headers of the process.
 * @param[in] header Of one whose jumps were taken out in the switch that @p result tells
 * of, or in an earlier one; its page says so.
 * @param[out] left_ret On error: the page says that the shadow is not whole, and is still
 * there for who goes on with it. Else it is as before.
 * @return NULL: it is given back, or stays; else why it could not be given back.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_release(struct graft_target *target, const struct graft_headers *all,
	      const struct graft_header *header,
	      const struct graft_switch_result *result, bool *left_ret);

#endif /* GRAFT_APPLY_RELEASE_H */
