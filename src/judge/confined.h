// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Objects that live only in frames of functions that are replaced.
 *
 * No such object is alive when a process is switched: no thread may be in a
 * replaced function then. So its layout may change, if nobody else
 * has its address or a copy of it.
 *
 * The addresses of frames are followed through registers, words of frames and
 * arguments of calls, also of calls through a pointer to a function that the same
 * search sees put there. An address that gets about (stored in other memory,
 * handed to another module or to a call that nobody knows the target of) is not
 * followed any more, nor is an object that is copied to or from other memory.
 * What a function is given that somebody unseen may call is not known. What is
 * not shown is never assumed.
 */

#ifndef GRAFT_JUDGE_CONFINED_H
#define GRAFT_JUDGE_CONFINED_H

#include "base/cleanup.h"
#include "diff/diff.h"
#include "judge/graph.h"
#include "judge/op.h"

/** What is known of one build. */
struct graft_confined;

/**
 * Follow the addresses of frames in what is carried, and in what calls it.
 *
 * @param[in] match One per function; @p code, @p graph and @p match are borrowed
 * until the result is freed.
 * @param[out] ret New; free with graft_confined_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_confined_make(const struct graft_code *code,
		    const struct graft_graph *graph,
		    const struct graft_func_match *match,
		    struct graft_confined **ret);

/** Free it. NULL is a no-op. */
void
graft_confined_free(struct graft_confined *confined);
GRAFT_DEFINE_CLEANUP(struct graft_confined, graft_confined_free)

/** Say whether an instruction reaches, through its base register, nothing but
 * objects that live only in frames of replaced functions. */
bool
graft_confined_holds(const struct graft_confined *confined,
		     const struct graft_op *op);

/** Say whether a function is given, whoever calls it, the address of a frame, and
 * none but of such objects. */
bool
graft_confined_is_given(const struct graft_confined *confined, uint32_t func);

#endif /* GRAFT_JUDGE_CONFINED_H */
