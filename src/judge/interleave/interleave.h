// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * May a function and the one that replaces it run at the same time?
 *
 * They may if each run of NEW either does what a run of OLD would do there, every
 * write out of the frame and every call with what it passes, in the same order;
 * or leaves before, having done nothing that must be given back. Then whoever goes
 * on in OLD meets nothing that OLD's own runs could not have left
 * (docs/decisions/immediate.md).
 */

#ifndef GRAFT_JUDGE_INTERLEAVE_H
#define GRAFT_JUDGE_INTERLEAVE_H

#include "judge/case.h"

/**
 * Prove it, or say what is in the way.
 *
 * @param[in] c Judged, with verdict `hotpatch`.
 * @param[out] why_ret NULL: it is proven. Else one sentence for people, without a
 * full stop; a new string; free with free(3).
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; what reading debug information returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_interleave_prove(const struct graft_case *c, char **why_ret);

#endif /* GRAFT_JUDGE_INTERLEAVE_H */
