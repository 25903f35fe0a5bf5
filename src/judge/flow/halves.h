// SPDX-License-Identifier: Apache-2.0

/** @file Calls that take something and calls that give it back, by their names. */

#ifndef GRAFT_JUDGE_HALVES_H
#define GRAFT_JUDGE_HALVES_H

#include "judge/flow/op.h"

/** What a call is of a pair. */
enum graft_half {
	GRAFT_HALF_NONE,
	GRAFT_HALF_ACQUIRE,
	GRAFT_HALF_RELEASE,
};

/**
 * Say which half of a pair a function is, by its name.
 *
 * @param[out] stem_len_ret Length of the name without its ending; written if it is
 * one.
 */
enum graft_half
graft_half_of(const char *name, size_t *stem_len_ret);

/** Get the name of what is called, or jumped to, outside of the function: that of
 * an import or a symbol; NULL if it has none. */
const char *
graft_name_called(const struct graft_ops *ops, const struct graft_op *op);

#endif /* GRAFT_JUDGE_HALVES_H */
