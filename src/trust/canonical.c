// SPDX-License-Identifier: Apache-2.0

#include "trust/canonical.h"

#include <stdio.h>
#include <string.h>

enum {
	/** The longest number, or `false`, with what stands around it. */
	SCALAR_MAX = 24,
	/** Two brackets or quotes, a colon or a comma. */
	AROUND_MAX = 4,
};

/** Compute a bound of the canonical length. */
static size_t
bound(const struct graft_node *node)
{
	size_t len = 0;

	for (uint32_t i = 0; i < node->span; i++)
		len += node[i].kind == GRAFT_NODE_STRING
			       ? 2 * (size_t)node[i].len + AROUND_MAX
			       : SCALAR_MAX;
	return len;
}

static char *
put_string(char *to, const struct graft_node *node)
{
	*to++ = '"';
	for (uint32_t i = 0; i < node->len; i++) {
		char c = node->text[i];
		if (c == '"' || c == '\\')
			*to++ = '\\';
		*to++ = c;
	}
	*to++ = '"';
	return to;
}

static char *
put(char *to, const char *text)
{
	size_t len = strlen(text);

	memcpy(to, text, len);
	return to + len;
}

// As deep as the document, which has a limit.
static char *
put_value(char *to, const struct graft_node *node)
{
	const bool object = node->kind == GRAFT_NODE_OBJECT;
	const struct graft_node *at = graft_node_first(node);

	switch (node->kind) {
	case GRAFT_NODE_STRING:
		return put_string(to, node);
	case GRAFT_NODE_INTEGER:
		return to + sprintf(to, "%lld", (long long)node->number);
	case GRAFT_NODE_TRUE:
		return put(to, "true");
	case GRAFT_NODE_FALSE:
		return put(to, "false");
	case GRAFT_NODE_NULL:
		return put(to, "null");
	case GRAFT_NODE_OBJECT:
	case GRAFT_NODE_ARRAY:
		break;
	}
	*to++ = object ? '{' : '[';
	for (uint32_t i = 0; i < node->count; i++) {
		if (i > 0)
			*to++ = ',';
		if (object) {
			to = put_string(to, at);
			*to++ = ':';
			at = graft_node_next(at);
		}
		to = put_value(to, at);
		at = graft_node_next(at);
	}
	*to++ = object ? '}' : ']';
	return to;
}

struct graft_error *
graft_canonical_make(const struct graft_node *node, uint8_t **bytes_ret,
		     size_t *len_ret)
{
	char *bytes = malloc(bound(node));
	if (!bytes)
		return graft_error_no_memory();
	*len_ret = (size_t)(put_value(bytes, node) - bytes);
	*bytes_ret = (uint8_t *)bytes;
	return NULL;
}
