// SPDX-License-Identifier: Apache-2.0

/** @file The explanation of a comparison, where `graft diff` wants it. */

#ifndef GRAFT_CMD_EXPLAIN_H
#define GRAFT_CMD_EXPLAIN_H

#include "base/error.h"
#include "base/text.h"

struct graft_explanation;
struct graft_patch;

/**
 * Append an explanation as it suits standard output: as wide as the terminal, in
 * colour if it has some.
 */
void
graft_explain_show(const struct graft_explanation *explanation,
		   const struct graft_patch *patch, struct graft_text *text);

/**
 * Put an explanation into JSON, beside the keys that are there.
 *
 * @param[in,out] text Ends with a JSON object and a newline.
 */
void
graft_explain_splice(const struct graft_explanation *explanation,
		     const struct graft_patch *patch, struct graft_text *text);

/** Write an explanation as a page. @return NULL; an error that names the path. */
GRAFT_MUST_CHECK struct graft_error *
graft_explain_write(const struct graft_explanation *explanation,
		    const struct graft_patch *patch, const char *path);

#endif /* GRAFT_CMD_EXPLAIN_H */
