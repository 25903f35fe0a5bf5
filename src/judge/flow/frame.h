// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What an instruction reaches in the frame through a register: `lea 0x60(%rsp),
 * %rbx` and then `(%rbx,%rcx,4)`. What %rsp and a frame pointer reach directly,
 * graft_op_in_frame() says.
 */

#ifndef GRAFT_JUDGE_FRAME_H
#define GRAFT_JUDGE_FRAME_H

#include "base/cleanup.h"
#include "judge/flow/op.h"

/** What is reached in the frame. */
struct graft_frame {
	/** Of each instruction: its memory operand lies there, and a register
	 * that holds the address, moved or not, leads to it. */
	bool *inside;
};

/**
 * Follow every way through a function.
 *
 * @param[out] ret Filled; free with graft_frame_deinit().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_frame_read(const struct graft_ops *ops, struct graft_frame *ret);

/** Say whether a function takes an address in its frame: who is called may get it. */
bool
graft_frame_is_given(const struct graft_ops *ops);

/** Free what is known, and zero it. Also its guard. */
void
graft_frame_deinit(struct graft_frame *frame);

/**
 * Say whether an instruction reaches an element of an array of the frame that is
 * one number: the elements stand as far apart as is reached at once, so there is
 * no room for a second member. An index counts them, or a loop walks over them.
 *
 * @param[in] at Index of the instruction.
 */
bool
graft_frame_has_numbers(const struct graft_frame *frame,
			const struct graft_ops *ops, uint32_t at);

#endif /* GRAFT_JUDGE_FRAME_H */
