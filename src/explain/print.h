// SPDX-License-Identifier: Apache-2.0

/** @file The faces of an explanation: text, JSON, HTML. */

#ifndef GRAFT_EXPLAIN_PRINT_H
#define GRAFT_EXPLAIN_PRINT_H

#include "base/error.h"
#include "base/text.h"
#include "explain/explanation.h"

#include <stdbool.h>

struct graft_patch;

/** How the text is to look. */
struct graft_explain_style {
	/** Escape sequences for colour. */
	bool color;
	/** Columns of a line; 0: as wide as it needs. */
	unsigned width;
};

/**
 * Append the explanation of a patch for a terminal: each module with its reasons
 * and what would help, each function with what differs.
 *
 * Of instructions that do the same only those next to a difference are shown.
 *
 * @param[in] patch Of the same comparison.
 */
void
graft_explain_print_text(const struct graft_explanation *explanation,
			 const struct graft_patch *patch,
			 const struct graft_explain_style *style,
			 struct graft_text *text);

/** Append the explanation as one JSON value. */
void
graft_explain_print_json(const struct graft_explanation *explanation,
			 const struct graft_patch *patch,
			 struct graft_text *text);

/**
 * Append the explanation as one HTML page that needs nothing else: no network, no
 * other file. What builds hold is escaped, and a content security policy keeps
 * any other script than the page's own from running.
 *
 * @return NULL; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_explain_print_html(const struct graft_explanation *explanation,
			 const struct graft_patch *patch,
			 struct graft_text *text);

#endif /* GRAFT_EXPLAIN_PRINT_H */
