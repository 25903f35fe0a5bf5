// SPDX-License-Identifier: Apache-2.0

/** @file Text inside HTML. Private to this folder. */

#ifndef GRAFT_EXPLAIN_HTML_H
#define GRAFT_EXPLAIN_HTML_H

#include "base/error.h"
#include "base/text.h"

/**
 * Append text so that it is text, between tags and in quoted attributes, and
 * nothing in it is hidden (visible.h).
 *
 * @param[in] str Untrusted.
 */
void
graft_html_put(struct graft_text *text, const char *str);

/** Append words as one name of a class: letters, digits and dashes. */
void
graft_html_put_class(struct graft_text *text, const char *str);

/**
 * Append the hash by which a content security policy names an inline style or
 * script: 'sha256-...'.
 *
 * @param[in] str Everything between the tags.
 * @return NULL; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_html_put_hash(struct graft_text *text, const char *str);

#endif /* GRAFT_EXPLAIN_HTML_H */
