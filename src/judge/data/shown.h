// SPDX-License-Identifier: Apache-2.0

/** @file Is a text in writable data shown to people, and nothing else? */

#ifndef GRAFT_JUDGE_SHOWN_H
#define GRAFT_JUDGE_SHOWN_H

#include "judge/case.h"

/**
 * Judge a text that stands in writable data, or to which a pointer there leads, and
 * that names another version: refused if code of NEW reads, compares or parses it,
 * and said in a note otherwise. Where the text is nothing but the version of the
 * package that is compared, only code that is carried refuses. What is named only as a part of something larger is
 * not found.
 *
 * @param[in] addr First byte of the text in NEW, or the pointer's place.
 * @param[in] len Bytes of the text, or 0 for a pointer.
 * @param[in] where The place, for people.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_text_judge_version(struct graft_case *c, uint64_t addr, uint64_t len,
			 const char *where);

#endif /* GRAFT_JUDGE_SHOWN_H */
