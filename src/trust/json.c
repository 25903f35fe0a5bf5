// SPDX-License-Identifier: Apache-2.0

#include "trust/json.h"

#include "trust/instant.h"

#include <string.h>

enum {
	DELETE = 0x7f,
	/** First byte of U+0080 to U+00BF in UTF-8; and the first second byte that is no control. */
	LATIN = 0xc2,
	PRINTABLE = 0xa0,
};

/** Say whether U+0080 to U+009F stands somewhere. */
static bool
is_c1(const char *text, size_t left)
{
	return left > 1 && (unsigned char)text[0] == LATIN &&
	       (unsigned char)text[1] < PRINTABLE;
}

void
graft_json_put_string(struct graft_text *out, const char *text, size_t len)
{
	size_t from = 0;

	graft_text_put(out, "\"");
	for (size_t i = 0; i < len; i++) {
		const bool c1 = is_c1(text + i, len - i);
		if (!c1 && (unsigned char)text[i] >= ' ' && text[i] != DELETE &&
		    text[i] != '"' && text[i] != '\\')
			continue;
		graft_text_put_bytes(out, text + from, i - from);
		// Its second byte is its code point.
		i += c1;
		const unsigned char c = (unsigned char)text[i];
		from = i + 1;
		if (c == '"' || c == '\\')
			graft_text_printf(out, "\\%c", c);
		else if (c == '\n')
			graft_text_put(out, "\\n");
		else
			graft_text_printf(out, "\\u%04x", c);
	}
	graft_text_put_bytes(out, text + from, len - from);
	graft_text_put(out, "\"");
}

void
graft_json_put_instant(struct graft_text *out, int64_t at)
{
	char word[GRAFT_INSTANT_LEN];

	graft_instant_print(at, word);
	graft_text_printf(out, at ? "\"%s\"" : "null", word);
}

static void
put_key(struct graft_text *out, const struct graft_node *key, bool *first)
{
	graft_text_put(out, *first ? "" : ",");
	*first = false;
	graft_json_put_string(out, key->text, key->len);
	graft_text_put(out, ":");
}

/** Append what an object or array holds. As deep as the document, which is bounded. */
static void
put_items(struct graft_text *out, const struct graft_node *node)
{
	const struct graft_node *at = graft_node_first(node);
	bool first = true;

	for (uint32_t i = 0; i < node->count; i++) {
		if (node->kind == GRAFT_NODE_OBJECT) {
			put_key(out, at, &first);
			at = graft_node_next(at);
		} else if (i > 0) {
			graft_text_put(out, ",");
		}
		graft_json_put_node(out, at);
		at = graft_node_next(at);
	}
}

void
graft_json_put_node(struct graft_text *out, const struct graft_node *node)
{
	switch (node->kind) {
	case GRAFT_NODE_STRING:
		graft_json_put_string(out, node->text, node->len);
		break;
	case GRAFT_NODE_INTEGER:
		graft_text_printf(out, "%lld", (long long)node->number);
		break;
	case GRAFT_NODE_TRUE:
		graft_text_put(out, "true");
		break;
	case GRAFT_NODE_FALSE:
		graft_text_put(out, "false");
		break;
	case GRAFT_NODE_NULL:
		graft_text_put(out, "null");
		break;
	case GRAFT_NODE_OBJECT:
		graft_text_put(out, "{");
		put_items(out, node);
		graft_text_put(out, "}");
		break;
	case GRAFT_NODE_ARRAY:
		graft_text_put(out, "[");
		put_items(out, node);
		graft_text_put(out, "]");
		break;
	}
}

static int
compare(const void *a, const void *b)
{
	const struct graft_json_member *one = a;
	const struct graft_json_member *two = b;

	return strcmp(one->key, two->key);
}

static void
put_member(struct graft_text *out, const struct graft_json_member *member,
	   bool *first)
{
	if (!member->json)
		return;
	graft_text_put(out, *first ? "" : ",");
	*first = false;
	graft_json_put_string(out, member->key, strlen(member->key));
	graft_text_printf(out, ":%s", member->json);
}

void
graft_json_put_merged(struct graft_text *out, const struct graft_node *object,
		      struct graft_json_member *members, size_t count)
{
	const struct graft_node *key = object ? graft_node_first(object) : NULL;
	uint32_t left = object ? object->count : 0;
	bool first = true;

	if (count)
		qsort(members, count, sizeof(*members), compare);
	graft_text_put(out, "{");
	for (size_t i = 0; i < count || left;) {
		// A document has no NUL in a string, so this is the order by bytes.
		int order = i == count ? 1
			    : !left    ? -1
				       : strcmp(members[i].key, key->text);
		if (order <= 0)
			put_member(out, &members[i++], &first);
		if (order < 0)
			continue;
		if (order > 0) {
			put_key(out, key, &first);
			graft_json_put_node(out, graft_node_next(key));
		}
		key = graft_node_next(graft_node_next(key));
		left--;
	}
	graft_text_put(out, "}");
}
