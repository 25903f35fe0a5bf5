// SPDX-License-Identifier: Apache-2.0

/** @file Which arguments on the stack a function reads. */

#ifndef GRAFT_JUDGE_INCOMING_H
#define GRAFT_JUDGE_INCOMING_H

#include "judge/flow/op.h"

enum {
	/** Words of arguments on the stack that are told apart. */
	GRAFT_INCOMING_MAX = 64,
};

/** Words of arguments on the stack, a bit each, from the one above the return
 * address on. */
struct graft_incoming {
	/** Those that are read, or whose address is taken. */
	uint64_t reads;
	/** Those that may be read: the function jumps on to one that is not
	 * seen. */
	uint64_t may_read;
};

/**
 * Find which arguments on the stack a function reads; also by jumping on to a
 * function of the same build that does.
 *
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_incoming_read(const struct graft_code *code, uint32_t func,
		    struct graft_incoming *ret);

#endif /* GRAFT_JUDGE_INCOMING_H */
