// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Names for carried code as perf(1) takes them: lines of "START SIZE NAME", addresses
 * and bytes in hex (tools/perf/Documentation/jit-interface.txt of the kernel).
 *
 * A line of ours ends with " [hotpatch ID]", the first twelve digits of the id. By that
 * a file of ours is told from one that a JIT of the process writes.
 */

#ifndef GRAFT_PLAN_PERF_MAP_H
#define GRAFT_PLAN_PERF_MAP_H

#include "base/error.h"
#include "base/text.h"
#include "patch/patch.h"
#include "plan/find.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Make the lines of a process: those of a hotpatch, and of an earlier text those of
 * other hotpatches that are still there.
 *
 * @param[in] patch The hotpatch whose carried pieces are named.
 * @param[in] headers What is in the process. Untrusted.
 * @param[in] earlier What the file holds; NULL: there is none.
 * @param[in] len Its bytes.
 * @param[out] text Gets the lines.
 * @param[out] count_ret Pieces of @p patch that were named.
 * @return NULL; #GRAFT_ERROR_REFUSED if a line of @p earlier is not ours.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_perf_map_make(const struct graft_patch *patch,
		    const struct graft_headers *headers, const char *earlier,
		    size_t len, struct graft_text *text, uint32_t *count_ret);

#endif /* GRAFT_PLAN_PERF_MAP_H */
