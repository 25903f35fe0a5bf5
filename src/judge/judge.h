// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * May the changes between two builds be made while the program runs?
 *
 * graft_judge() passes a diff through every rule of docs/rules.md that is judged
 * at build time. A rule refuses when the builds show that it is broken, and when
 * they do not show that it is kept: in doubt the verdict is `baseline`. Each
 * reason names its rule, a place, and in one sentence what was seen there, so
 * that a person with a disassembler can check it.
 *
 * This folder knows nothing of how a hotpatch is applied.
 */

#ifndef GRAFT_JUDGE_JUDGE_H
#define GRAFT_JUDGE_JUDGE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "elf/image.h"
#include "patch/patch.h"

#include <stdbool.h>
#include <stddef.h>

struct graft_diff;

/** What was decided about one pair of builds, and why. */
struct graft_verdict_result {
	enum graft_verdict verdict;
	/** #GRAFT_ASSURANCE_NONE unless the verdict is `hotpatch`. */
	enum graft_assurance assurance;
	/** Refusals, or with `hotpatch` and `identical` notes only. Owned. */
	struct graft_reason *reasons;
	size_t reason_count;
	/** Asked if the verdict is `hotpatch` and one function is replaced. */
	enum graft_immediate immediate;
	/** Why it is refused. Owned. */
	char *immediate_why;
};

/**
 * Judge what changed between two builds, by all rules but the one that
 * graft_judge_runtime() asks.
 *
 * The assurance is `proven` if debug information of both builds describes each
 * carried function and each object that it names, so that the rules on types and
 * names were decided from those; else `inferred`, and where one side has debug
 * information a note says what is missing.
 *
 * @param[in] diff Borrowed for the call.
 * @param[out] ret Verdict; free with graft_verdict_result_deinit(), or move its
 * reasons into a patch. Untouched on error.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_judge(const struct graft_diff *diff, struct graft_verdict_result *ret);

/** Free what a result owns, and zero it. NULL is a no-op. Also its guard. */
void
graft_verdict_result_deinit(struct graft_verdict_result *result);

/**
 * Judge two builds before they are compared: by a runtime that would not know
 * carried code. Such programs are large, and the answer is no whatever
 * changed.
 *
 * @param[in] old_image Borrowed for the call.
 * @param[in] new_image Borrowed for the call.
 * @param[out] refused_ret Whether the verdict is there.
 * @param[out] ret Verdict `baseline`, as of graft_judge(); written if there is one.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_judge_runtime(const struct graft_image *old_image,
		    const struct graft_image *new_image, bool *refused_ret,
		    struct graft_verdict_result *ret);

#endif /* GRAFT_JUDGE_JUDGE_H */
