// SPDX-License-Identifier: Apache-2.0

/** @file Which functions allocate, and in which argument the size is. */

#ifndef GRAFT_JUDGE_ALLOCATOR_H
#define GRAFT_JUDGE_ALLOCATOR_H

#include "judge/flow/op.h"

enum {
	/** Integer arguments that sizes are looked for in: rdi rsi rdx rcx. */
	GRAFT_SIZE_ARGUMENTS = 4,
};

/** What a call does with sizes. */
struct graft_sizing {
	/** Arguments that are sizes, a bit each; 0: not such a call. */
	uint8_t sizes;
	/** It does not allocate but fills or copies to its first argument. */
	bool fills;
	/** Nobody knows what is called; only what looks like a size is one. */
	bool guess;
};

/** Get the register of an integer argument, 0 to 5. */
uint8_t
graft_argument_reg(int argument);

/**
 * Find what a call does with sizes: by the name of the import, or because it
 * calls an allocator with an argument of its own (a wrapper).
 *
 * @param[out] ret What it does.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sizing_of_call(const struct graft_ops *ops, const struct graft_op *op,
		     struct graft_sizing *ret);

#endif /* GRAFT_JUDGE_ALLOCATOR_H */
