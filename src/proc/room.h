// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * May this thread be used for an injected system call, now? For the files of
 * this folder only.
 */

#ifndef GRAFT_PROC_ROOM_H
#define GRAFT_PROC_ROOM_H

#include "proc/tracee.h"
#include "proc/vmas.h"

/**
 * Is it in 64-bit code, outside of a restartable sequence (rseq(2))?
 *
 * The kernel forgets a sequence when it sees the thread outside of it.
 *
 * @param[in] regs Registers at its stop.
 */
bool
graft_room_is_calm(struct graft_target *target, pid_t tid,
		   const struct user_regs_struct *regs);

/**
 * Is the memory from @p addr up to its stack pointer stack that nobody uses?
 *
 * Only for stacks that can be told from other memory: the main thread's, and
 * those that hold their thread's control block above and a guard below, as C
 * libraries allocate them. Not coroutines, alternate stacks, or stacks that a
 * program carved out of its heap.
 *
 * @param[in,out] vmas Asked for the mappings.
 * @param[in] regs Registers at its stop.
 * @param[in] addr First byte that is needed.
 */
bool
graft_room_below(struct graft_vmas *vmas, const struct user_regs_struct *regs,
		 uint64_t addr);

/** Mend the system call of a stopped thread that is not used after all. */
void
graft_room_mend(struct graft_target *target, size_t index);

#endif /* GRAFT_PROC_ROOM_H */
