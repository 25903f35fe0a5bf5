// SPDX-License-Identifier: Apache-2.0

/** @file The memory that is the stack above a stack pointer. Inside proc/ only. */

#ifndef GRAFT_PROC_STACK_EXTENT_H
#define GRAFT_PROC_STACK_EXTENT_H

#include "base/error.h"
#include "proc/vmas.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	/** Bytes below a stack pointer that are in use (psABI). */
	GRAFT_STACK_RED_ZONE = 128,
};

/** Say whether a mapping can be a stack: it is read and written. */
bool
graft_stack_extent_is(const struct graft_vma *vma);

/**
 * Find where the memory around a stack pointer begins (its red zone) and ends.
 *
 * @param[in] sp The stack pointer.
 * @param[in] bound The end, if it lies in that memory; 0 for none.
 * @param[out] end_ret One past the last byte; 0 if no stack is there.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_stack_extent_find(struct graft_vmas *vmas, uint64_t sp, uint64_t bound,
			uint64_t *start_ret, uint64_t *end_ret);

#endif /* GRAFT_PROC_STACK_EXTENT_H */
