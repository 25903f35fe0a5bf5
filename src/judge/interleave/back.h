// SPDX-License-Identifier: Apache-2.0

/** @file Whether a function may come back to itself while it runs. */

#ifndef GRAFT_JUDGE_BACK_H
#define GRAFT_JUDGE_BACK_H

#include "base/error.h"
#include "diff/code/code.h"

/**
 * Look whether what a function calls may call that function again.
 *
 * Follows each call and each function whose address is taken; a call through a
 * pointer may lead anywhere, and so does a function that may call back.
 *
 * @param[out] why_ret NULL if it cannot; else what keeps it from being known, a
 * new string; free with free(3).
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_back_find(const struct graft_code *code, uint32_t func, char **why_ret);

#endif /* GRAFT_JUDGE_BACK_H */
