// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Find the two pieces of a target's own code that an injected system call runs
 * on. For the files of this folder only.
 */

#ifndef GRAFT_PROC_GADGET_H
#define GRAFT_PROC_GADGET_H

#include "proc/tracee.h"
#include "proc/vmas.h"

/**
 * Find `syscall; ret` and `mov $15, %rax; syscall` in the executable mappings.
 *
 * The target may run; what was found before is only checked.
 *
 * @param[in,out] target Its gadgets are set.
 * @param[in,out] vmas Asked for its mappings; all are read only if the hints do not
 * lead there.
 * @return NULL; #GRAFT_ERROR_REFUSED if there are none; #GRAFT_ERROR_TARGET_GONE;
 * #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_gadgets_find(struct graft_target *target, struct graft_vmas *vmas);

#endif /* GRAFT_PROC_GADGET_H */
