// SPDX-License-Identifier: Apache-2.0

/** @file Where the functions of a live module begin and end, by its unwind tables. */

#ifndef GRAFT_PLAN_FUNCTIONS_H
#define GRAFT_PLAN_FUNCTIONS_H

#include "base/error.h"
#include "plan/module.h"
#include "proc/stack.h"
#include "proc/target.h"

/**
 * Read the table that the unwinder searches (`.eh_frame_hdr`), and the length of
 * each function from its FDE.
 *
 * What the process claims may be wrong; then what is returned is. A table in
 * another encoding than gcc, clang and the linkers write counts as none.
 *
 * @param[out] ret Ascending, without overlaps; NULL if there are none. Free it.
 * @param[out] count_ret Their number.
 * @return NULL; #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_functions_read(struct graft_target *target,
		     const struct graft_module *module,
		     struct graft_range **ret, size_t *count_ret);

#endif /* GRAFT_PLAN_FUNCTIONS_H */
