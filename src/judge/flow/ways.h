// SPDX-License-Identifier: Apache-2.0

/** @file Follow every way through a function with what is known on it. */

#ifndef GRAFT_JUDGE_WAYS_H
#define GRAFT_JUDGE_WAYS_H

#include "judge/flow/op.h"

/**
 * Let an instruction change what is known.
 *
 * @param[in] at Index of the instruction.
 * @param[in,out] state What is known before it, and then behind it.
 */
typedef void
graft_ways_step_fn(void *context, const struct graft_ops *ops, uint32_t at,
		   void *state);

/**
 * Keep of two states what both know; what is known only gets less.
 *
 * @param[in,out] into The state that came first.
 * @return Whether @p into changed.
 */
typedef bool
graft_ways_merge_fn(void *into, const void *from);

/**
 * Follow every way from the entry, until nothing is new.
 *
 * Targets of jump tables are not known: what no way reached is entered from an
 * indirect jump.
 *
 * @param[in] size Bytes of a state.
 * @param[in] entry State at the entry.
 * @param[in,out] context Handed to @p step. It is called for an instruction
 * again whenever less is known before it.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ways_follow(const struct graft_ops *ops, size_t size, const void *entry,
		  graft_ways_step_fn *step, graft_ways_merge_fn *merge,
		  void *context);

#endif /* GRAFT_JUDGE_WAYS_H */
