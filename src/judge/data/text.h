// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What a constant is, as far as its identity goes.
 *
 * The address of text that nobody gave a name means nothing: compilers and
 * linkers merge such texts. A constant that the source names is one object, and
 * code may ask for it by its address.
 */

#ifndef GRAFT_JUDGE_TEXT_H
#define GRAFT_JUDGE_TEXT_H

#include "judge/case.h"

enum graft_text {
	/** A table, a structure; also one that begins with text. */
	GRAFT_TEXT_IS_OBJECT,
	/** Text that has a name: `static const char none[] = "none"`. */
	GRAFT_TEXT_IS_NAMED,
	/** Text that has none as far as the builds show. */
	GRAFT_TEXT_IS_LITERAL,
};

/**
 * Find out what a constant of NEW is. Types say it, or symbols; without either
 * what reads as text is text.
 *
 * @param[in] addr Address in NEW. The byte before a text, the end of the text in
 * front, counts as that text.
 * @param[out] ret What it is.
 * @return NULL; what reading debug information returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_text_judge(const struct graft_case *c, uint64_t addr,
		 enum graft_text *ret);

#endif /* GRAFT_JUDGE_TEXT_H */
