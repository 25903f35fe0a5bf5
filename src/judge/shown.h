// SPDX-License-Identifier: Apache-2.0

/** @file Is a text in writable data shown to people, and nothing else? */

#ifndef GRAFT_JUDGE_SHOWN_H
#define GRAFT_JUDGE_SHOWN_H

#include "judge/case.h"

/** Where code does more with a text than show it. */
struct graft_text_use {
	/** There is such a place; nothing else is set if not. */
	bool found;
	struct graft_place_text where;
};

/**
 * Look for code of NEW that reads, compares or parses a text that stands
 * in writable data, or to which a pointer there leads. What is named only as a
 * part of something larger is not found.
 *
 * @param[in] addr First byte of the text in NEW, or the pointer's place.
 * @param[in] len Bytes of the text, or 0 for a pointer.
 * @param[out] ret What was found.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_text_find_use(const struct graft_case *c, uint64_t addr, uint64_t len,
		    struct graft_text_use *ret);

#endif /* GRAFT_JUDGE_SHOWN_H */
