// SPDX-License-Identifier: Apache-2.0

#include "trust/shape.h"

#include "base/cleanup.h"
#include "trust/limits.h"

#include <stdlib.h>
#include <string.h>

enum {
	/** Bytes of the prefix of a SHA-256 in digits. */
	PREFIX_MAX = 64,
	NAME_SHOWN_MAX = 100,
};

static const char *const kinds[] = {
	[GRAFT_NODE_OBJECT] = "object", [GRAFT_NODE_ARRAY] = "array",
	[GRAFT_NODE_STRING] = "string", [GRAFT_NODE_INTEGER] = "whole number",
	[GRAFT_NODE_TRUE] = "true",     [GRAFT_NODE_FALSE] = "false",
	[GRAFT_NODE_NULL] = "null",
};

struct graft_error *
graft_shape_take(const struct graft_node *object, const char *key,
		 enum graft_node_kind kind, const struct graft_node **ret)
{
	const struct graft_node *node = graft_node_get(object, key);

	if (!node)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "there is no \"%s\"", key);
	if (node->kind != kind)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "\"%s\" is no %s",
				       key, kinds[kind]);
	*ret = node;
	return NULL;
}

struct graft_error *
graft_shape_number(const struct graft_node *object, const char *key,
		   uint64_t min, uint64_t *ret)
{
	const struct graft_node *node;
	struct graft_error *err = graft_shape_take(object, key,
						   GRAFT_NODE_INTEGER, &node);
	if (err)
		return err;
	if (node->number < 0 || (uint64_t)node->number < min)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "\"%s\" is less than %llu", key,
				       (unsigned long long)min);
	*ret = (uint64_t)node->number;
	return NULL;
}

struct graft_error *
graft_shape_bool(const struct graft_node *object, const char *key, bool *ret)
{
	const struct graft_node *node = graft_node_get(object, key);

	if (node && node->kind != GRAFT_NODE_TRUE &&
	    node->kind != GRAFT_NODE_FALSE)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "\"%s\" is neither true nor false", key);
	*ret = graft_node_is(node, GRAFT_NODE_TRUE);
	return NULL;
}

struct graft_error *
graft_shape_keys(const struct graft_node *object, const struct graft_node **ret)
{
	const struct graft_node *keys;
	struct graft_error *err = graft_shape_take(object, "keys",
						   GRAFT_NODE_OBJECT, &keys);
	if (err)
		return err;
	const struct graft_node *at = graft_node_first(keys);
	for (uint32_t i = 0; i < keys->count; i++) {
		at = graft_node_next(at);
		if (at->kind != GRAFT_NODE_OBJECT)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "a key is no object");
		at = graft_node_next(at);
	}
	*ret = keys;
	return NULL;
}

struct graft_error *
graft_shape_role(const struct graft_node *role)
{
	const struct graft_node *keyids;
	uint64_t threshold;

	struct graft_error *err = graft_shape_take(role, "keyids",
						   GRAFT_NODE_ARRAY, &keyids);
	if (!err)
		err = graft_shape_number(role, "threshold", 1, &threshold);
	if (err)
		return err;
	if (keyids->count > GRAFT_TRUST_KEYS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT, "more than %d keys",
				       GRAFT_TRUST_KEYS_MAX);
	// Strings only, so they are one node each.
	const struct graft_node *first = graft_node_first(keyids);
	for (uint32_t i = 0; i < keyids->count; i++) {
		if (first[i].kind != GRAFT_NODE_STRING)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "a keyid is no string");
		for (uint32_t k = 0; k < i; k++) {
			if (graft_node_compare(&first[k], &first[i]) == 0)
				return graft_error_new(GRAFT_ERROR_BAD_INPUT,
						       "a keyid stands twice");
		}
	}
	return NULL;
}

/** Check an array of strings. */
GRAFT_MUST_CHECK static struct graft_error *
check_strings(const struct graft_node *array, const char *what, uint32_t max)
{
	const struct graft_node *first = graft_node_first(array);

	if (array->kind != GRAFT_NODE_ARRAY)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "\"%s\" is no array", what);
	for (uint32_t i = 0; i < array->count; i++) {
		if (first[i].kind != GRAFT_NODE_STRING)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "\"%s\" holds no strings only",
					       what);
		if (first[i].len > max)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "\"%s\" holds one of more than "
					       "%u bytes",
					       what, max);
	}
	return NULL;
}

/** Say whether a role of this name would take the place of one of the four. */
static bool
is_top_level(const char *name)
{
	return strcmp(name, "root") == 0 || strcmp(name, "timestamp") == 0 ||
	       strcmp(name, "snapshot") == 0 || strcmp(name, "targets") == 0;
}

GRAFT_MUST_CHECK static struct graft_error *
check_delegation(const struct graft_node *role)
{
	const struct graft_node *paths = graft_node_get(role, "paths");
	const struct graft_node *prefixes =
		graft_node_get(role, "path_hash_prefixes");
	bool terminating;

	struct graft_error *err = graft_shape_role(role);
	if (!err)
		err = graft_shape_bool(role, "terminating", &terminating);
	if (err)
		return err;
	if (!paths == !prefixes)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "one of \"paths\" and "
				       "\"path_hash_prefixes\" must be there");
	if (paths)
		return check_strings(paths, "paths", GRAFT_TRUST_PATTERN_MAX);
	return check_strings(prefixes, "path_hash_prefixes", PREFIX_MAX);
}

static int
compare_names(const void *a, const void *b)
{
	return graft_node_compare(*(const struct graft_node *const *)a,
				  *(const struct graft_node *const *)b);
}

/** See that no role stands twice: who reads them in order and who does not would differ. */
GRAFT_MUST_CHECK static struct graft_error *
check_twice(const struct graft_node **list, uint32_t count)
{
	if (count)
		qsort(list, count, sizeof(*list), compare_names);
	for (uint32_t i = 1; i < count; i++) {
		if (graft_node_compare(list[i - 1], list[i]) == 0)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "role %.*s stands twice",
					       NAME_SHOWN_MAX, list[i]->text);
	}
	return NULL;
}

struct graft_error *
graft_shape_delegations(const struct graft_node *roles)
{
	const struct graft_node *role = graft_node_first(roles);
	const struct graft_node *name;
	GRAFT_FREE const struct graft_node **list =
		calloc((size_t)roles->count + 1, sizeof(*list));

	if (!list)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < roles->count; i++) {
		struct graft_error *err = graft_shape_take(
			role, "name", GRAFT_NODE_STRING, &name);
		if (err)
			return graft_error_prefix(err, "role %u", i + 1);
		if (!name->len || is_top_level(name->text))
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "role %u has no name that can "
					       "be delegated to",
					       i + 1);
		err = check_delegation(role);
		if (err)
			return graft_error_prefix(err, "role %.*s",
						  NAME_SHOWN_MAX, name->text);
		list[i] = name;
		role = graft_node_next(role);
	}
	return check_twice(list, roles->count);
}

/** Check `hashes`: an object of strings, not an empty one. */
GRAFT_MUST_CHECK static struct graft_error *
check_hashes(const struct graft_node *object)
{
	const struct graft_node *hashes;
	struct graft_error *err = graft_shape_take(object, "hashes",
						   GRAFT_NODE_OBJECT, &hashes);
	if (err)
		return err;
	if (!hashes->count)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "\"hashes\" is empty");
	const struct graft_node *at = graft_node_first(hashes);
	for (uint32_t i = 0; i < hashes->count; i++) {
		if (at[1].kind != GRAFT_NODE_STRING)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "a hash is no string");
		at += 2;
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
check_file(const struct graft_node *file)
{
	uint64_t number;
	struct graft_error *err = graft_shape_number(file, "version", 1,
						     &number);

	if (!err && graft_node_get(file, "length"))
		err = graft_shape_number(file, "length", 0, &number);
	if (!err && graft_node_get(file, "hashes"))
		err = check_hashes(file);
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
check_target(const struct graft_node *target)
{
	uint64_t length;
	struct graft_error *err = graft_shape_number(target, "length", 0,
						     &length);

	return err ? err : check_hashes(target);
}

/** Check each value of an object. */
GRAFT_MUST_CHECK static struct graft_error *
check_each(const struct graft_node *object,
	   struct graft_error *(*check)(const struct graft_node *))
{
	const struct graft_node *key = graft_node_first(object);

	for (uint32_t i = 0; i < object->count; i++) {
		const struct graft_node *value = graft_node_next(key);
		struct graft_error *err = check(value);
		if (err)
			return graft_error_prefix(err, "%.*s", NAME_SHOWN_MAX,
						  key->text);
		key = graft_node_next(value);
	}
	return NULL;
}

struct graft_error *
graft_shape_files(const struct graft_node *meta)
{
	return check_each(meta, check_file);
}

struct graft_error *
graft_shape_targets(const struct graft_node *targets)
{
	return check_each(targets, check_target);
}
