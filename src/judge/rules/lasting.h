// SPDX-License-Identifier: Apache-2.0

/** @file Which calls make something that lives on, and what they are told. */

#ifndef GRAFT_JUDGE_LASTING_H
#define GRAFT_JUDGE_LASTING_H

#include "judge/case.h"
#include "judge/flow/op.h"
#include "judge/flow/twin.h"

/** Say whether an instruction calls, or jumps to, another function. */
bool
graft_lasting_is_call(const struct graft_op *op);

/**
 * Say whether a call makes or fills something that outlives the function: what it
 * returns is kept, or it is handed the address of an object that lives on, or of a
 * function. What only reads and prints, and what ends objects, does not.
 *
 * @param[in] at Index of the call.
 */
bool
graft_lasting_is_made(const struct graft_ops *ops, uint32_t at);

/** What is called, as both builds name it. */
struct graft_lasting_callee {
	/** Name of an import, or NULL. */
	const char *import;
	/** Function of OLD, or #GRAFT_NONE. */
	uint32_t func;
};

/** Find what an instruction calls. */
struct graft_lasting_callee
graft_lasting_callee_of(const struct graft_case *c, const struct graft_ops *ops,
			const struct graft_op *op);

/**
 * Count the calls of something.
 *
 * @param[in] marks One per instruction: those that count.
 * @param[in] before Index of the first instruction that does not count any more.
 */
uint32_t
graft_lasting_count(const struct graft_case *c, const struct graft_ops *ops,
		    const bool *marks,
		    const struct graft_lasting_callee *callee, uint32_t before);

/** Find a call of something by its number, from 0; its index, or
 * graft_ops::count. Otherwise as graft_lasting_count(). */
uint32_t
graft_lasting_find(const struct graft_case *c, const struct graft_ops *ops,
		   const bool *marks, const struct graft_lasting_callee *callee,
		   uint32_t number);

/** Find the instruction that made an argument (from 0) of a call, over copies; its
 * index, or graft_ops::count. */
uint32_t
graft_lasting_origin(const struct graft_ops *ops, uint32_t at, int argument);

/** Say whether an instruction stores where it outlives the function, and does not
 * count there. */
bool
graft_lasting_is_store(const struct graft_ops *ops, const struct graft_op *op);

/**
 * Find the call that a register is an argument of.
 *
 * @param[in] at Index of the instruction that puts something into its destination.
 * @return Index of the call, or graft_ops::count.
 */
uint32_t
graft_lasting_call_of(const struct graft_ops *ops, uint32_t at);

/**
 * Say whether what two instructions name are two things: texts or tables that
 * differ, other functions, other places.
 *
 * @return NULL; what reading debug information returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_lasting_names_other(const struct graft_case *c,
			  const struct graft_twin *twin, uint32_t o, uint32_t n,
			  bool *ret);

#endif /* GRAFT_JUDGE_LASTING_H */
