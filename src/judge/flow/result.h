// SPDX-License-Identifier: Apache-2.0

/** @file In which register a function returns something, and how wide. */

#ifndef GRAFT_JUDGE_RESULT_H
#define GRAFT_JUDGE_RESULT_H

#include "judge/flow/op.h"

/** What the returns of a function say of its result. */
struct graft_result {
	/** Some return leaves in %rax, in %xmm0 what was put there and nothing
	 * read since: it can only be for the caller. */
	bool integer;
	bool real;
	/** What is put into %rax is computed in 32, in 64 bits; constants say
	 * nothing. */
	bool narrow;
	bool wide;
	/** Last instruction found that computes it; UINT32_MAX if none. */
	uint32_t writer;
	/** One that puts it into %xmm0, likewise. */
	uint32_t real_writer;
};

/**
 * Read the result off a function.
 *
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_result_read(const struct graft_ops *ops, struct graft_result *ret);

#endif /* GRAFT_JUDGE_RESULT_H */
