// SPDX-License-Identifier: Apache-2.0

/** @file Writing an `.eh_frame` for carried code; see frames.h. */

#ifndef GRAFT_DIFF_FRAME_TABLE_H
#define GRAFT_DIFF_FRAME_TABLE_H

#include "diff/unwind/frames.h"

/**
 * Write the table of frames.
 *
 * @param[in,out] frames Gets address, bytes, and the fixes of the CIEs.
 * @param[out] why_ret Why there can be none: a sentence fragment, static; NULL
 * if there is one.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_frame_table_make(const struct graft_diff *diff,
		       struct graft_frames *frames, const char **why_ret);

/**
 * Say whether call frame instructions mean the same wherever they lie: no
 * addresses in them, and none that is not known.
 */
bool
graft_frame_rules_move(const uint8_t *rules, size_t len);

#endif /* GRAFT_DIFF_FRAME_TABLE_H */
