// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A document of untrusted JSON, read strictly and bounded.
 *
 * Two readers that understand one file differently are a way around a signature,
 * so whatever readers disagree about is refused: a key that stands twice, bytes that
 * are no UTF-8, half a surrogate pair, a NUL, a number that is no whole one or
 * has a leading zero, anything behind the value.
 *
 * The values of a document are one array. A value is followed by what it holds, and
 * the members of an object stand in the order of their keys (by bytes), whatever
 * the order in the file: that is what canonical JSON asks for. Order is kept in arrays.
 */

#ifndef GRAFT_TRUST_DOCUMENT_H
#define GRAFT_TRUST_DOCUMENT_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a value is. */
enum graft_node_kind {
	GRAFT_NODE_OBJECT,
	GRAFT_NODE_ARRAY,
	GRAFT_NODE_STRING,
	GRAFT_NODE_INTEGER,
	GRAFT_NODE_TRUE,
	GRAFT_NODE_FALSE,
	GRAFT_NODE_NULL,
};

/** A value, or the key of a member, which is a string. */
struct graft_node {
	enum graft_node_kind kind : 8;
	/** This value and all that it holds: how many nodes. At least 1. */
	uint32_t span : 24;
	union {
		/** Members of an object, elements of an array. */
		uint32_t count;
		/** Bytes of a string, without the NUL behind it. */
		uint32_t len;
	};
	union {
		/** UTF-8 without a NUL in it; belongs to the document. */
		const char *text;
		int64_t number;
	};
};

/** A document. It owns its values. */
struct graft_document;

/**
 * Read a document.
 *
 * @param[in] bytes Untrusted; no NUL needed behind them. Not needed afterwards.
 * @param[in] len Number of bytes.
 * @param[out] ret New document; free with graft_document_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT, #GRAFT_ERROR_LIMIT with the byte at which it
 * is wrong.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_document_parse(const void *bytes, size_t len,
		     struct graft_document **ret);

/** Get the outermost value. Lives as long as the document. */
const struct graft_node *
graft_document_root(const struct graft_document *document);

/** Free a document. NULL is a no-op. */
void
graft_document_free(struct graft_document *document);
GRAFT_DEFINE_CLEANUP(struct graft_document, graft_document_free)

/** Get the first key of an object or the first element of an array. */
static inline const struct graft_node *
graft_node_first(const struct graft_node *node)
{
	return node + 1;
}

/** Get what stands behind a value: the next element, or the next key. */
static inline const struct graft_node *
graft_node_next(const struct graft_node *node)
{
	return node + node->span;
}

/** Say whether a value is there and of a kind. @p node may be NULL. */
static inline bool
graft_node_is(const struct graft_node *node, enum graft_node_kind kind)
{
	return node && node->kind == kind;
}

/**
 * Get the value of a member.
 *
 * @param[in] object May be NULL or no object.
 * @return NULL if there is none of this name.
 */
const struct graft_node *
graft_node_get(const struct graft_node *object, const char *key);

/** Compare two values, also of several documents: order of members is none. */
bool
graft_node_equal(const struct graft_node *a, const struct graft_node *b);

/** Compare two strings by their bytes, as memcmp(3). */
int
graft_node_compare(const struct graft_node *a, const struct graft_node *b);

#endif /* GRAFT_TRUST_DOCUMENT_H */
