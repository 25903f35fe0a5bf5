// SPDX-License-Identifier: Apache-2.0

#include "release/field.h"

#include "base/settings.h"
#include "base/vec.h"
#include "release/level.h"
#include "release/release.h"

#include <string.h>

enum {
	FIELDS_MAX = 32,
};

/** A member that is being read. */
struct member {
	const char *key;
	const struct graft_node *value;
};

GRAFT_MUST_CHECK static struct graft_error *
wrong(const struct member *member, const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "\"%s\": %s", member->key,
			       what);
}

/** Copy a text. */
GRAFT_MUST_CHECK static struct graft_error *
read_text(const struct member *member, bool (*is)(const char *), bool may_lack,
	  char **ret)
{
	if (may_lack && member->value->kind == GRAFT_NODE_NULL)
		return NULL;
	if (member->value->kind != GRAFT_NODE_STRING ||
	    !graft_release_is_text(member->value->text) ||
	    !is(member->value->text))
		return wrong(member, "not what is expected there");
	*ret = strdup(member->value->text);
	return *ret ? NULL : graft_error_no_memory();
}

/** See that a value is an array, and of no more elements than can be compared with each other. */
GRAFT_MUST_CHECK static struct graft_error *
check_array(const struct member *member)
{
	if (member->value->kind != GRAFT_NODE_ARRAY)
		return wrong(member, "it is no array");
	if (member->value->count > GRAFT_RELEASE_LIST_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "\"%s\": more than %d", member->key,
				       GRAFT_RELEASE_LIST_MAX);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_words(const struct member *member, bool (*is)(const char *),
	   struct graft_words *ret)
{
	struct graft_error *err = check_array(member);
	if (err)
		return err;
	const struct graft_node *at = graft_node_first(member->value);
	for (uint32_t i = 0; i < member->value->count; i++) {
		if (at->kind != GRAFT_NODE_STRING ||
		    !graft_release_is_text(at->text) || !is(at->text))
			return wrong(member, "it holds something else than is "
					     "expected there");
		if (graft_words_have(ret, at->text))
			return wrong(member, "it holds something twice");
		err = graft_words_add(ret, at->text);
		if (err)
			return err;
		at = graft_node_next(at);
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_bool(const struct member *member, bool *ret)
{
	*ret = member->value->kind == GRAFT_NODE_TRUE;
	return *ret || member->value->kind == GRAFT_NODE_FALSE
		       ? NULL
		       : wrong(member, "neither true nor false");
}

GRAFT_MUST_CHECK static struct graft_error *
read_number(const struct member *member, uint64_t *ret)
{
	if (member->value->kind != GRAFT_NODE_INTEGER ||
	    member->value->number < 0)
		return wrong(member, "no number from 0 on");
	*ret = (uint64_t)member->value->number;
	return NULL;
}

/** Read a word that is one of some names. */
GRAFT_MUST_CHECK static struct graft_error *
read_name(const struct member *member, const char *(*name)(unsigned int),
	  unsigned int count, unsigned int *ret)
{
	if (member->value->kind != GRAFT_NODE_STRING)
		return wrong(member, "no text");
	const int found = graft_release_name_find(member->value->text, name,
						  count);
	if (found < 0)
		return wrong(member, "none of the words that are known");
	*ret = (unsigned int)found;
	return NULL;
}

/** See that an object has no key that is not known. */
GRAFT_MUST_CHECK static struct graft_error *
check_keys(const struct graft_node *object, const struct graft_field *fields,
	   size_t count)
{
	const char *keys[FIELDS_MAX];

	for (size_t i = 0; i < count; i++)
		keys[i] = fields[i].key;
	const struct graft_node *key = graft_node_first(object);
	for (uint32_t i = 0; i < object->count; i++) {
		bool known = false;
		for (size_t k = 0; k < count; k++)
			known |= strcmp(keys[k], key->text) == 0;
		if (!known)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"no key \"%.100s\"; did you mean \"%s\"?",
				key->text,
				graft_nearest_word(key->text, keys, count));
		key = graft_node_next(graft_node_next(key));
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_member(const struct member *member, const struct graft_field *field,
	    char *to);

struct graft_error *
graft_field_read_object(const struct graft_node *object,
			const struct graft_field *fields, size_t count,
			void *to)
{
	if (object->kind != GRAFT_NODE_OBJECT)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "no object");
	struct graft_error *err = check_keys(object, fields, count);
	for (size_t i = 0; !err && i < count; i++) {
		const struct member member = {
			.key = fields[i].key,
			.value = graft_node_get(object, fields[i].key),
		};
		err = member.value ? read_member(&member, &fields[i], to)
				   : wrong(&member, "it is missing");
	}
	return err;
}

/** Read an array of objects; each element is counted before it is read. */
GRAFT_MUST_CHECK static struct graft_error *
read_list(const struct member *member, const struct graft_field *field,
	  char *to)
{
	char **array = (char **)(to + field->off);
	size_t *count = (size_t *)(to + field->count_off);
	size_t *cap = (size_t *)(to + field->cap_off);

	struct graft_error *err = check_array(member);
	if (err)
		return err;
	const struct graft_node *at = graft_node_first(member->value);
	for (uint32_t i = 0; i < member->value->count; i++) {
		err = graft_vec_reserve(array, cap, *count + 1, field->size);
		if (err)
			return err;
		char *one = *array + *count * field->size;
		memset(one, 0, field->size);
		(*count)++;
		err = graft_field_read_object(at, field->fields,
					      field->field_count, one);
		if (err)
			return graft_error_prefix(err, "\"%s\"", member->key);
		at = graft_node_next(at);
	}
	return NULL;
}

/** Copy a text of a length that is known once it is good. */
GRAFT_MUST_CHECK static struct graft_error *
read_fixed(const struct member *member, bool (*is)(const char *), char *ret)
{
	if (member->value->kind != GRAFT_NODE_STRING ||
	    !is(member->value->text))
		return wrong(member, "not what is expected there");
	memcpy(ret, member->value->text, member->value->len + 1);
	return NULL;
}

static struct graft_error *
read_member(const struct member *member, const struct graft_field *field,
	    char *to)
{
	void *at = to + field->off;

	switch (field->kind) {
	case GRAFT_FIELD_TEXT:
	case GRAFT_FIELD_TEXT_OR_NULL:
		return read_text(member, field->is,
				 field->kind == GRAFT_FIELD_TEXT_OR_NULL, at);
	case GRAFT_FIELD_WORDS:
		return read_words(member, field->is, at);
	case GRAFT_FIELD_BOOL:
		return read_bool(member, at);
	case GRAFT_FIELD_NUMBER:
		return read_number(member, at);
	case GRAFT_FIELD_NAME:
		return read_name(member, field->name, field->name_count, at);
	case GRAFT_FIELD_LIST:
		return read_list(member, field, to);
	case GRAFT_FIELD_FIXED:
		return read_fixed(member, field->is, at);
	case GRAFT_FIELD_LEVEL:
		return member->value->kind == GRAFT_NODE_STRING &&
				       graft_level_read(member->value->text, at)
			       ? NULL
			       : wrong(member, "no level like 2026-11");
	case GRAFT_FIELD_FORMAT:
		return member->value->kind == GRAFT_NODE_INTEGER
			       ? NULL
			       : wrong(member, "no number");
	}
	return NULL;
}
