// SPDX-License-Identifier: Apache-2.0

/** @file Texts of OLD by contents, for carried code that names the same text. */

#ifndef GRAFT_DIFF_TEXTS_H
#define GRAFT_DIFF_TEXTS_H

#include "diff/closure/closure.h"

/** Texts of OLD, sorted by hash. Made when it is asked first. */
struct graft_text_index;

/**
 * Find the same text in OLD. Which copy of it is used does not matter.
 *
 * @param[in] new_addr Address in NEW; what is no text, or more than a text, is
 * not looked for.
 * @param[out] ret Address in OLD, or 0.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_text_find(struct graft_closure *closure, uint64_t new_addr,
		uint64_t *ret);

/** Free a text index. NULL is a no-op. */
void
graft_text_index_free(struct graft_text_index *index);

#endif /* GRAFT_DIFF_TEXTS_H */
