// SPDX-License-Identifier: Apache-2.0

#include "compliance/member.h"

#include "compliance/compliance.h"
#include "trust/instant.h"
#include "trust/shape.h"

#include <string.h>

struct graft_error *
graft_member_wrong(const char *key, const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "\"%s\" is no %s", key,
			       what);
}

struct graft_error *
graft_member_text(const struct graft_node *object, const char *key, size_t max,
		  const char **ret)
{
	const struct graft_node *node;
	struct graft_error *err = graft_shape_take(object, key,
						   GRAFT_NODE_STRING, &node);

	if (err)
		return err;
	if (!node->len || node->len > max)
		return graft_member_wrong(
			key, "text of the length that it must have");
	*ret = node->text;
	return NULL;
}

struct graft_error *
graft_member_instant(const struct graft_node *object, const char *key,
		     int64_t *ret)
{
	const char *text;
	struct graft_error *err = graft_member_text(object, key,
						    GRAFT_INSTANT_LEN, &text);

	if (err)
		return err;
	return graft_instant_parse(text, ret) && *ret > 0
		       ? NULL
		       : graft_member_wrong(key, "instant");
}

struct graft_error *
graft_member_is_null(const struct graft_node *object, const char *key,
		     bool *ret)
{
	const struct graft_node *node = graft_node_get(object, key);

	if (!node)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "there is no \"%s\"", key);
	*ret = node->kind == GRAFT_NODE_NULL;
	return NULL;
}

struct graft_error *
graft_member_instant_or_null(const struct graft_node *object, const char *key,
			     int64_t *ret)
{
	bool null = false;
	struct graft_error *err = graft_member_is_null(object, key, &null);

	*ret = 0;
	return err || null ? err : graft_member_instant(object, key, ret);
}

struct graft_error *
graft_member_or_null(const struct graft_node *object, const char *key,
		     enum graft_node_kind kind, const struct graft_node **ret)
{
	bool null = false;
	struct graft_error *err = graft_member_is_null(object, key, &null);

	*ret = NULL;
	return err || null ? err : graft_shape_take(object, key, kind, ret);
}

struct graft_error *
graft_member_list(const struct graft_node *object, const char *key,
		  const struct graft_node **ret)
{
	struct graft_error *err = graft_shape_take(object, key,
						   GRAFT_NODE_ARRAY, ret);

	if (err)
		return err;
	if ((*ret)->count > GRAFT_COMPLIANCE_LIST_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "\"%s\" has more than %d elements", key,
				       GRAFT_COMPLIANCE_LIST_MAX);
	const struct graft_node *at = graft_node_first(*ret);
	for (uint32_t i = 0; i < (*ret)->count; i++) {
		if (at->kind != GRAFT_NODE_OBJECT)
			return graft_member_wrong(key, "list of objects");
		at = graft_node_next(at);
	}
	return NULL;
}

struct graft_error *
graft_member_level(const struct graft_node *object, const char *key,
		   graft_level *ret)
{
	const char *text;
	struct graft_error *err = graft_member_text(
		object, key, sizeof(struct graft_level_text), &text);

	*ret = 0;
	if (err || strcmp(text, graft_level_write(0).str) == 0)
		return err;
	return graft_level_read(text, ret) ? NULL
					   : graft_member_wrong(key, "level");
}
