// SPDX-License-Identifier: Apache-2.0

#include "trust/document.h"

#include "base/vec.h"
#include "trust/document_string.h"
#include "trust/limits.h"

#include <string.h>

enum {
	/** Members that are sorted, and nodes put aside for it, without more memory. */
	FEW = 32,
};

// The span of a node has that many bits.
_Static_assert(GRAFT_TRUST_VALUES_MAX < 1 << 24, "a node's span");

struct graft_document {
	/** Copy of the bytes; strings are decoded in it, each where it stands. */
	char *text;
	struct graft_node *nodes;
	size_t count;
	size_t cap;
};

struct parser {
	struct graft_document *document;
	char *at;
	char *end;
	unsigned int depth;
};

void
graft_document_free(struct graft_document *document)
{
	if (!document)
		return;
	free(document->text);
	free(document->nodes);
	free(document);
}

const struct graft_node *
graft_document_root(const struct graft_document *document)
{
	return document->nodes;
}

/** Make the error of the byte at which the parser is. */
GRAFT_MUST_CHECK static struct graft_error *
wrong(const struct parser *p, const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "byte %zu: %s",
			       (size_t)(p->at - p->document->text), what);
}

GRAFT_MUST_CHECK static struct graft_error *
too_much(const struct parser *p, const char *what)
{
	return graft_error_new(GRAFT_ERROR_LIMIT, "byte %zu: %s",
			       (size_t)(p->at - p->document->text), what);
}

/** Get the next byte; 0, which is nowhere allowed, at the end. */
static char
peek(const struct parser *p)
{
	return p->at < p->end ? *p->at : '\0';
}

static void
skip_space(struct parser *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' ||
				  *p->at == '\t' || *p->at == '\r'))
		p->at++;
}

/** Append a node. @return Its index in @p ret; nodes may move. */
GRAFT_MUST_CHECK static struct graft_error *
add(struct parser *p, enum graft_node_kind kind, size_t *ret)
{
	struct graft_document *document = p->document;

	if (document->count == GRAFT_TRUST_VALUES_MAX)
		return too_much(p, "too many values");
	struct graft_error *err = graft_vec_reserve(
		&document->nodes, &document->cap, document->count + 1,
		sizeof(*document->nodes));
	if (err)
		return err;
	document->nodes[document->count] = (struct graft_node){ .kind = kind,
								.span = 1 };
	*ret = document->count++;
	return NULL;
}

/** Take a string; the parser stands at its quote. Decodes it where it stands. */
GRAFT_MUST_CHECK static struct graft_error *
take_string(struct parser *p, size_t *ret)
{
	struct graft_error *err = add(p, GRAFT_NODE_STRING, ret);
	if (err)
		return err;
	const char *start = p->at + 1;
	size_t len;
	const char *what = graft_document_string(&p->at, p->end, &len);
	if (what)
		return wrong(p, what);
	if (len > GRAFT_TRUST_STRING_MAX)
		return too_much(p, "a string is too long");
	p->document->nodes[*ret].text = start;
	p->document->nodes[*ret].len = (uint32_t)len;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
take_number(struct parser *p)
{
	size_t index;
	bool negative = peek(p) == '-';
	int64_t value = 0;

	p->at += negative;
	char first = peek(p);
	if (first < '0' || first > '9')
		return wrong(p, "a value is expected");
	if (first == '0' && (negative || (p->at + 1 < p->end &&
					  p->at[1] >= '0' && p->at[1] <= '9')))
		return wrong(p, "a number in a form that is not unique");
	for (; peek(p) >= '0' && peek(p) <= '9'; p->at++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, peek(p) - '0', &value))
			return too_much(p, "a number is too large");
	}
	if (peek(p) == '.' || peek(p) == 'e' || peek(p) == 'E')
		return wrong(p, "a number that is no whole number");
	struct graft_error *err = add(p, GRAFT_NODE_INTEGER, &index);
	if (err)
		return err;
	p->document->nodes[index].number = negative ? -value : value;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
take_word(struct parser *p)
{
	static const struct {
		const char *name;
		enum graft_node_kind kind;
	} words[] = { { "true", GRAFT_NODE_TRUE },
		      { "false", GRAFT_NODE_FALSE },
		      { "null", GRAFT_NODE_NULL } };
	size_t index;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t len = strlen(words[i].name);
		if ((size_t)(p->end - p->at) < len ||
		    memcmp(p->at, words[i].name, len) != 0)
			continue;
		p->at += len;
		return add(p, words[i].kind, &index);
	}
	return wrong(p, "a value is expected");
}

int
graft_node_compare(const struct graft_node *a, const struct graft_node *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int order = memcmp(a->text, b->text, len);

	if (order)
		return order;
	return (a->len > b->len) - (a->len < b->len);
}

static int
compare_members(const void *a, const void *b)
{
	return graft_node_compare(*(const struct graft_node *const *)a,
				  *(const struct graft_node *const *)b);
}

/** Members of an object that are being sorted. */
struct members {
	/** The keys of all; those of all but one member stand aside. */
	const struct graft_node **keys;
	/** All but the largest member: that one may be the whole document. */
	struct graft_node *aside;
	const struct graft_node *largest;
	size_t largest_len;
	/** Its key, for where it stands is written over. */
	struct graft_node largest_key;
};

/** Count the nodes of a member. */
static size_t
member_len(const struct graft_node *key)
{
	return 1 + (size_t)key[1].span;
}

static void
find_largest(const struct graft_node *object, struct members *members)
{
	const struct graft_node *key = object + 1;

	for (uint32_t i = 0; i < object->count; i++) {
		if (member_len(key) > members->largest_len) {
			members->largest = key;
			members->largest_len = member_len(key);
		}
		key += member_len(key);
	}
	members->largest_key = *members->largest;
}

/** Put the members in the order of their keys; each is moved once or twice. */
static void
put_in_order(struct graft_node *object, struct members *members)
{
	const struct graft_node *from = object + 1;
	struct graft_node *to = members->aside;

	for (uint32_t i = 0; i < object->count; i++) {
		const size_t len = member_len(from);
		members->keys[i] = &members->largest_key;
		if (from != members->largest) {
			members->keys[i] = memcpy(to, from, len * sizeof(*to));
			to += len;
		}
		from += len;
	}
	qsort(members->keys, object->count, sizeof(const struct graft_node *),
	      compare_members);
	to = object + 1;
	for (uint32_t i = 0; members->keys[i] != &members->largest_key; i++)
		to += member_len(members->keys[i]);
	memmove(to, members->largest, members->largest_len * sizeof(*to));

	to = object + 1;
	for (uint32_t i = 0; i < object->count; i++) {
		const struct graft_node *key = members->keys[i];
		if (key == &members->largest_key) {
			to += members->largest_len;
			continue;
		}
		memcpy(to, key, member_len(key) * sizeof(*to));
		to += member_len(key);
	}
}

/** Sort the members of an object that has some. */
GRAFT_MUST_CHECK static struct graft_error *
sort_members(struct graft_node *object)
{
	const struct graft_node *few_keys[FEW];
	struct graft_node few_nodes[FEW];
	GRAFT_FREE void *more_keys = NULL;
	GRAFT_FREE void *more_nodes = NULL;
	struct members members = { .keys = few_keys, .aside = few_nodes };

	find_largest(object, &members);
	if (object->count > FEW)
		members.keys = more_keys =
			malloc(object->count * sizeof(*members.keys));
	const size_t aside = object->span - 1 - members.largest_len;
	if (aside > FEW)
		members.aside = more_nodes =
			malloc(aside * sizeof(*members.aside));
	if (!members.keys || !members.aside)
		return graft_error_no_memory();
	put_in_order(object, &members);
	return NULL;
}

/** Order the members of an object that is read, and see that none is there twice. */
GRAFT_MUST_CHECK static struct graft_error *
finish_object(struct parser *p, struct graft_node *object)
{
	bool in_order = true;

	for (int pass = 0; pass < 2; pass++) {
		const struct graft_node *key = object + 1;
		in_order = true;
		for (uint32_t i = 1; i < object->count && in_order; i++) {
			const struct graft_node *next =
				graft_node_next(graft_node_next(key));
			in_order = graft_node_compare(key, next) < 0;
			key = next;
		}
		if (in_order)
			return NULL;
		if (pass == 0) {
			struct graft_error *err = sort_members(object);
			if (err)
				return err;
		}
	}
	return wrong(p, "an object has a key twice");
}

GRAFT_MUST_CHECK static struct graft_error *
take_value(struct parser *p);

/** Take one member, or one element of an array. */
GRAFT_MUST_CHECK static struct graft_error *
take_item(struct parser *p, bool member)
{
	if (member) {
		size_t key;
		if (peek(p) != '"')
			return wrong(p, "a key is expected");
		struct graft_error *err = take_string(p, &key);
		if (err)
			return err;
		skip_space(p);
		if (peek(p) != ':')
			return wrong(p, "':' is expected");
		p->at++;
	}
	return take_value(p);
}

/** Take an object or an array; the parser stands at its bracket. */
GRAFT_MUST_CHECK static struct graft_error *
take_container(struct parser *p, bool object)
{
	const char close = object ? '}' : ']';
	uint32_t count = 0;
	size_t index;

	if (++p->depth > GRAFT_TRUST_DEPTH_MAX)
		return too_much(p, "too deep");
	struct graft_error *err =
		add(p, object ? GRAFT_NODE_OBJECT : GRAFT_NODE_ARRAY, &index);
	if (err)
		return err;
	p->at++;
	skip_space(p);
	while (peek(p) != close) {
		if (count > 0 && peek(p) != ',')
			return wrong(p, object ? "',' or '}' is expected"
					       : "',' or ']' is expected");
		p->at += count > 0;
		skip_space(p);
		err = take_item(p, object);
		if (err)
			return err;
		count++;
		skip_space(p);
	}
	p->at++;
	p->depth--;
	struct graft_node *node = &p->document->nodes[index];
	node->count = count;
	node->span = (uint32_t)(p->document->count - index);
	return object ? finish_object(p, node) : NULL;
}

static struct graft_error *
take_value(struct parser *p)
{
	size_t index;

	skip_space(p);
	switch (peek(p)) {
	case '{':
		return take_container(p, true);
	case '[':
		return take_container(p, false);
	case '"':
		return take_string(p, &index);
	case '-':
	case '0' ... '9':
		return take_number(p);
	default:
		return take_word(p);
	}
}

struct graft_error *
graft_document_parse(const void *bytes, size_t len, struct graft_document **ret)
{
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = calloc(1, sizeof(*document));
	if (!document)
		return graft_error_no_memory();
	document->text = malloc(len + 1);
	if (!document->text)
		return graft_error_no_memory();
	if (len)
		memcpy(document->text, bytes, len);
	document->text[len] = '\0';

	struct parser p = { .document = document,
			    .at = document->text,
			    .end = document->text + len };
	struct graft_error *err = take_value(&p);
	if (err)
		return err;
	skip_space(&p);
	if (p.at != p.end)
		return wrong(&p, "something stands behind the value");
	*ret = GRAFT_TAKE(document);
	return NULL;
}

const struct graft_node *
graft_node_get(const struct graft_node *object, const char *key)
{
	size_t len = strlen(key);

	if (!graft_node_is(object, GRAFT_NODE_OBJECT))
		return NULL;
	const struct graft_node *at = graft_node_first(object);
	for (uint32_t i = 0; i < object->count; i++) {
		const struct graft_node *value = graft_node_next(at);
		if (at->len == len && memcmp(at->text, key, len) == 0)
			return value;
		at = graft_node_next(value);
	}
	return NULL;
}

bool
graft_node_equal(const struct graft_node *a, const struct graft_node *b)
{
	bool equal = a->span == b->span;

	// What a value holds stands behind it, and members in the order of their keys.
	for (uint32_t i = 0; equal && i < a->span; i++) {
		equal = a[i].kind == b[i].kind;
		if (equal && a[i].kind == GRAFT_NODE_STRING)
			equal = graft_node_compare(&a[i], &b[i]) == 0;
		else if (equal && a[i].kind == GRAFT_NODE_INTEGER)
			equal = a[i].number == b[i].number;
		else if (equal)
			equal = a[i].span == b[i].span;
	}
	return equal;
}
