// SPDX-License-Identifier: Apache-2.0

/** @file Whether a register holds a pointer, by how it is used nearby. */

#ifndef GRAFT_JUDGE_POINTERS_H
#define GRAFT_JUDGE_POINTERS_H

#include "judge/flow/op.h"

/** Find where memory is reached next through a register behind an instruction,
 * before it is written again; graft_ops::count if it is not. */
uint32_t
graft_pointer_next(const struct graft_ops *ops, uint32_t at, uint8_t reg);

/** Say whether memory is reached through a register behind an instruction, before
 * it is written again. */
bool
graft_pointer_behind(const struct graft_ops *ops, uint32_t at, uint8_t reg);

/** Say whether memory was reached through a register before an instruction, since
 * it was written. */
bool
graft_pointer_before(const struct graft_ops *ops, uint32_t at, uint8_t reg);

/** Say whether `lea` computes an address rather than a number. */
bool
graft_pointer_lea(const struct graft_ops *ops, uint32_t at);

/**
 * Get how far an instruction that adds a constant moves on what is reached by its
 * register: an index counts elements, a pointer bytes.
 *
 * @param[in] at Index of the addition.
 */
int64_t
graft_pointer_step(const struct graft_ops *ops, uint32_t at);

/**
 * Say whether what an addition makes is kept in a word of the frame, and memory is
 * reached through that later: without optimisation each pointer is.
 *
 * @param[in] at Index of the addition, to a register or to the word itself.
 */
bool
graft_pointer_kept(const struct graft_ops *ops, uint32_t at);

#endif /* GRAFT_JUDGE_POINTERS_H */
