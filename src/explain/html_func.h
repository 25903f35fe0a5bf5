// SPDX-License-Identifier: Apache-2.0

/** @file One function of the page, side by side. Private to this folder. */

#ifndef GRAFT_EXPLAIN_HTML_FUNC_H
#define GRAFT_EXPLAIN_HTML_FUNC_H

#include "base/text.h"
#include "explain/explanation.h"

#include <stdbool.h>

/**
 * Append a function: what became of it, and its instructions in both builds.
 *
 * @param[in] m Index of @p module: its functions have the ids m0f0, m0f1, ...
 * @param[in] f Index of the function in @p module.
 * @param[in] brief Of instructions that do the same, only say how many there are.
 */
void
graft_html_put_func(const struct graft_explained_module *module, size_t m,
		    size_t f, bool brief, struct graft_text *text);

#endif /* GRAFT_EXPLAIN_HTML_FUNC_H */
