// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * JSON that is written: what document.h reads, it reads back as it was meant.
 *
 * Metadata are changed by writing an object again with some of its members exchanged, so
 * that members which this program does not know stay. No blank is written; the members of
 * an object stand in the order of their keys by bytes.
 */

#ifndef GRAFT_TRUST_JSON_H
#define GRAFT_TRUST_JSON_H

#include "base/text.h"
#include "trust/document.h"

#include <stddef.h>
#include <stdint.h>

/** A member of an object that is to be written. Borrows both texts. */
struct graft_json_member {
	/** UTF-8. */
	const char *key;
	/** JSON of its value; NULL: there is to be none of this key. */
	const char *json;
};

/**
 * Append a string with its quotes. What a terminal would obey is written as `\u009b`.
 *
 * @param[in] text UTF-8 of @p len bytes.
 */
void
graft_json_put_string(struct graft_text *out, const char *text, size_t len);

/** Append an instant, Unix time in seconds, as metadata write one; null for 0. */
void
graft_json_put_instant(struct graft_text *out, int64_t at);

/** Append a value of a document. */
void
graft_json_put_node(struct graft_text *out, const struct graft_node *node);

/**
 * Append an object with some of its members exchanged, added or left out.
 *
 * @param[in] object NULL: an empty one.
 * @param[in,out] members Each of another key; put in order.
 */
void
graft_json_put_merged(struct graft_text *out, const struct graft_node *object,
		      struct graft_json_member *members, size_t count);

#endif /* GRAFT_TRUST_JSON_H */
