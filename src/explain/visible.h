// SPDX-License-Identifier: Apache-2.0

/** @file Text from builds so that what is seen is what is there. */

#ifndef GRAFT_EXPLAIN_VISIBLE_H
#define GRAFT_EXPLAIN_VISIBLE_H

#include "base/text.h"

#include <stddef.h>

/**
 * Append text so that nothing in it is hidden: control characters, characters
 * that change the direction of text or have no width, and bytes that are not
 * UTF-8 become escapes as in C.
 *
 * @param[in] bytes Untrusted.
 * @param[in] len Number of bytes.
 * @param[in] max Longest output in characters; what is cut becomes "...".
 */
void
graft_visible_put(struct graft_text *text, const char *bytes, size_t len,
		  size_t max);

#endif /* GRAFT_EXPLAIN_VISIBLE_H */
