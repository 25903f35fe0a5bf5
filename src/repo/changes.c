// SPDX-License-Identifier: Apache-2.0

#include "repo/changes.h"

#include <string.h>

enum {
	/** Digits of an id that people read. */
	ID_SHOWN = 12,
};

/** Whoever wants to know. */
struct told {
	graft_repo_change_fn *fn;
	void *arg;
};

static bool
is_same(const struct graft_node *a, const struct graft_node *b)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text one = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text two = { 0 };

	graft_json_put_node(&one, a);
	graft_json_put_node(&two, b);
	// In doubt it is another.
	return !one.failed && !two.failed &&
	       strcmp(graft_text_str(&one), graft_text_str(&two)) == 0;
}

/** Compare two objects whose members are in order. */
static void
compare_objects(const struct graft_node *old, const struct graft_node *new,
		const struct told *told)
{
	uint32_t left = old ? old->count : 0;
	uint32_t right = new->count;
	const struct graft_node *a = left ? graft_node_first(old) : NULL;
	const struct graft_node *b = graft_node_first(new);

	while (left || right) {
		const int order = !left    ? 1
				  : !right ? -1
					   : graft_node_compare(a, b);
		if (order < 0)
			told->fn(told->arg, '-', a->text);
		else if (order > 0)
			told->fn(told->arg, '+', b->text);
		else if (!is_same(graft_node_next(a), graft_node_next(b)))
			told->fn(told->arg, '~', b->text);
		if (order <= 0) {
			a = graft_node_next(graft_node_next(a));
			left--;
		}
		if (order >= 0) {
			b = graft_node_next(graft_node_next(b));
			right--;
		}
	}
}

static bool
lists(const struct graft_node *role, const struct graft_node *id)
{
	const struct graft_node *keyids = graft_node_get(role, "keyids");
	const struct graft_node *at = keyids ? graft_node_first(keyids) : NULL;

	for (uint32_t i = 0; keyids && i < keyids->count; i++) {
		if (graft_node_compare(&at[i], id) == 0)
			return true;
	}
	return false;
}

/** Tell of the keys that one role lists and the other does not. */
GRAFT_MUST_CHECK static struct graft_error *
compare_keys(const char *name, const struct graft_node *has,
	     const struct graft_node *lacks, char sign, const struct told *told)
{
	const struct graft_node *keyids = graft_node_get(has, "keyids");
	const struct graft_node *at = keyids ? graft_node_first(keyids) : NULL;

	for (uint32_t i = 0; keyids && i < keyids->count; i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		if (lists(lacks, &at[i]))
			continue;
		graft_text_printf(&text, "%s: key %.*s", name, ID_SHOWN,
				  at[i].text);
		if (text.failed)
			return graft_error_no_memory();
		told->fn(told->arg, sign, text.str);
	}
	return NULL;
}

/** Compare what is said of who signs a role. */
GRAFT_MUST_CHECK static struct graft_error *
compare_role(const char *name, const struct graft_node *old,
	     const struct graft_node *new, const struct told *told)
{
	static const char *const members[] = { "threshold", GRAFT_REPO_DAYS_KEY,
					       "paths", "path_hash_prefixes",
					       "terminating" };
	struct graft_error *err = compare_keys(name, old, new, '-', told);

	if (!err)
		err = compare_keys(name, new, old, '+', told);
	for (size_t i = 0; !err && i < sizeof(members) / sizeof(*members);
	     i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		const struct graft_node *a = graft_node_get(old, members[i]);
		const struct graft_node *b = graft_node_get(new, members[i]);
		if (!b || (a && is_same(a, b)))
			continue;
		graft_text_printf(&text, "%s: %s ", name, members[i]);
		graft_json_put_node(&text, b);
		if (text.failed)
			return graft_error_no_memory();
		told->fn(told->arg, a ? '~' : '+', text.str);
	}
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
compare_roots(const struct graft_metadata *old,
	      const struct graft_metadata *new, const struct told *told)
{
	for (int type = 0; type < GRAFT_METADATA_TYPES; type++) {
		const char *name = graft_metadata_type_name(type);
		struct graft_error *err = compare_role(
			name, old ? graft_node_get(old->roles, name) : NULL,
			graft_node_get(new->roles, name), told);
		if (err)
			return err;
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
compare_delegations(const struct graft_metadata *old,
		    const struct graft_metadata *new, const struct told *told)
{
	uint32_t left = new->roles ? new->roles->count : 0;
	const struct graft_node *role = left ? graft_node_first(new->roles)
					     : NULL;

	for (; left > 0; left--, role = graft_node_next(role)) {
		const char *name = graft_node_get(role, "name")->text;
		struct graft_error *err = compare_role(
			name, graft_repo_delegated(old, name), role, told);
		if (err)
			return err;
	}
	left = old && old->roles ? old->roles->count : 0;
	role = left ? graft_node_first(old->roles) : NULL;
	for (; left > 0; left--, role = graft_node_next(role)) {
		const char *name = graft_node_get(role, "name")->text;
		if (!graft_repo_delegated(new, name))
			told->fn(told->arg, '-', name);
	}
	return NULL;
}

struct graft_error *
graft_repo_each_change(const struct graft_repo_role *role,
		       graft_repo_change_fn *fn, void *arg)
{
	const struct graft_metadata *old = role->live.metadata;
	const struct graft_metadata *new = role->staged.metadata;
	const struct told told = { fn, arg };

	if (!new)
		return NULL;
	if (role->type == GRAFT_METADATA_ROOT)
		return compare_roots(old, new, &told);
	compare_objects(old ? old->targets : NULL, new->targets, &told);
	return compare_delegations(old, new, &told);
}
