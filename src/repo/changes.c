// SPDX-License-Identifier: Apache-2.0

#include "repo/changes.h"

#include <string.h>

/** Whoever wants to know. */
struct told {
	graft_repo_change_fn *fn;
	void *arg;
};

static void
tell(const struct told *told, char sign, const char *what)
{
	const struct graft_repo_change change = { .sign = sign, .what = what };

	told->fn(told->arg, &change);
}

/** Called for a member that is new, gone or another; NULL where there is none. */
typedef struct graft_error *
pair_fn(void *arg, const char *key, const struct graft_node *old,
	const struct graft_node *new);

/** Go over the members of two objects, of which the first may be missing, that differ. */
GRAFT_MUST_CHECK static struct graft_error *
each_difference(const struct graft_node *old, const struct graft_node *new,
		pair_fn *fn, void *arg)
{
	uint32_t left = old ? old->count : 0;
	uint32_t right = new ? new->count : 0;
	const struct graft_node *a = left ? graft_node_first(old) : NULL;
	const struct graft_node *b = right ? graft_node_first(new) : NULL;
	struct graft_error *err = NULL;

	// Both stand in the order of their keys.
	while (!err && (left || right)) {
		const int order = !left    ? 1
				  : !right ? -1
					   : graft_node_compare(a, b);
		const struct graft_node *one = order <= 0 ? graft_node_next(a)
							  : NULL;
		const struct graft_node *two = order >= 0 ? graft_node_next(b)
							  : NULL;
		if (!one || !two || !graft_node_equal(one, two))
			err = fn(arg, one ? a->text : b->text, one, two);
		if (one) {
			a = graft_node_next(one);
			left--;
		}
		if (two) {
			b = graft_node_next(two);
			right--;
		}
	}
	return err;
}

/** Tell of a target. */
static struct graft_error *
tell_target(void *arg, const char *key, const struct graft_node *old,
	    const struct graft_node *new)
{
	const struct told *told = arg;
	const struct graft_repo_change change = {
		.sign = old ? (new ? '~' : '-') : '+',
		.target = true,
		.what = key,
	};

	told->fn(told->arg, &change);
	return NULL;
}

/** Members of an object of which it is told in one way. */
struct members {
	const struct told *told;
	/** Before the name of the member. */
	const char *prefix;
	/** Members that others tell of; the last one is NULL. */
	const char *const *but;
};

/** Tell of a member: its name, and what it says. */
static struct graft_error *
tell_member(void *arg, const char *key, const struct graft_node *old,
	    const struct graft_node *new)
{
	const struct members *members = arg;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	for (size_t i = 0; members->but[i]; i++) {
		if (strcmp(members->but[i], key) == 0)
			return NULL;
	}
	graft_text_printf(&text, "%s%s", members->prefix, key);
	if (new) {
		graft_text_put(&text, " ");
		graft_json_put_node(&text, new);
	}
	if (text.failed)
		return graft_error_no_memory();
	tell(members->told, old ? (new ? '~' : '-') : '+', text.str);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
compare_members(const char *prefix, const struct graft_node *old,
		const struct graft_node *new, const char *const *but,
		const struct told *told)
{
	struct members members = { told, prefix, but };

	return each_difference(old, new, tell_member, &members);
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
		// Whole: another key whose id begins so can be found.
		graft_text_printf(&text, "%s: key %s", name, at[i].text);
		if (text.failed)
			return graft_error_no_memory();
		tell(told, sign, text.str);
	}
	return NULL;
}

/** Compare what is said of who signs a role. */
GRAFT_MUST_CHECK static struct graft_error *
compare_role(const char *name, const struct graft_node *old,
	     const struct graft_node *new, const struct told *told)
{
	static const char *const but[] = { "keyids", "name", NULL };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text prefix = { 0 };
	struct graft_error *err = compare_keys(name, old, new, '-', told);

	if (!err)
		err = compare_keys(name, new, old, '+', told);
	graft_text_printf(&prefix, "%s: ", name);
	if (!err && prefix.failed)
		err = graft_error_no_memory();
	return err ? err : compare_members(prefix.str, old, new, but, told);
}

GRAFT_MUST_CHECK static struct graft_error *
compare_roots(const struct graft_metadata *old,
	      const struct graft_metadata *new, const struct told *told)
{
	static const char *const but[] = { "root", "timestamp", "snapshot",
					   "targets", NULL };

	for (int type = 0; type < GRAFT_METADATA_TYPES; type++) {
		const char *name = graft_metadata_type_name(type);
		struct graft_error *err = compare_role(
			name, old ? graft_node_get(old->roles, name) : NULL,
			graft_node_get(new->roles, name), told);
		if (err)
			return err;
	}
	return compare_members("roles: ", old ? old->roles : NULL, new->roles,
			       but, told);
}

/**
 * Tell of the order of delegations: the first that matches is asked first. New ones stand
 * behind those that were there, unless it is told.
 */
GRAFT_MUST_CHECK static struct graft_error *
compare_order(const struct graft_metadata *old,
	      const struct graft_metadata *new, const struct told *told)
{
	uint32_t left = old && old->roles ? old->roles->count : 0;
	uint32_t right = new->roles ? new->roles->count : 0;
	const struct graft_node *a = left ? graft_node_first(old->roles) : NULL;
	const struct graft_node *b = right ? graft_node_first(new->roles)
					   : NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	bool same = true;

	graft_text_put(&text, "another order of delegations:");
	for (uint32_t i = 0; i < right; i++, b = graft_node_next(b)) {
		const char *name = graft_node_get(b, "name")->text;
		graft_text_printf(&text, "%s %s", i ? "," : "", name);
		while (left && !graft_repo_delegated(
				       new, graft_node_get(a, "name")->text)) {
			a = graft_node_next(a);
			left--;
		}
		if (!left)
			continue;
		same = same &&
		       strcmp(graft_node_get(a, "name")->text, name) == 0;
		a = graft_node_next(a);
		left--;
	}
	if (text.failed)
		return graft_error_no_memory();
	if (!same)
		tell(told, '~', text.str);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
compare_delegations(const struct graft_metadata *old,
		    const struct graft_metadata *new, const struct told *told)
{
	static const char *const but[] = { "keys", "roles", NULL };
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
			tell(told, '-', name);
	}
	struct graft_error *err = compare_order(old, new, told);
	return err ? err
		   : compare_members(
			     "delegations: ",
			     old ? graft_node_get(old->signed_part,
						  "delegations")
				 : NULL,
			     graft_node_get(new->signed_part, "delegations"),
			     but, told);
}

/** Compare what is neither told elsewhere nor what each first version says. */
GRAFT_MUST_CHECK static struct graft_error *
compare_rest(const struct graft_metadata *old, const struct graft_metadata *new,
	     const struct told *told)
{
	// Version and expiry are shown with each role.
	static const char *const but[] = { "version", "expires", "keys",
					   "roles",   "targets", "delegations",
					   NULL };
	static const char *const but_first[] = {
		"_type",       "version",      "expires",
		"keys",        "roles",        "targets",
		"delegations", "spec_version", GRAFT_METADATA_ROLE_KEY,
		NULL
	};

	return compare_members("", old ? old->signed_part : NULL,
			       new->signed_part, old ? but : but_first, told);
}

struct graft_error *
graft_repo_each_change(const struct graft_repo_role *role,
		       graft_repo_change_fn *fn, void *arg)
{
	const struct graft_metadata *old = role->live.metadata;
	const struct graft_metadata *new = role->staged.metadata;
	struct told told = { fn, arg };

	if (!new)
		return NULL;
	struct graft_error *err = compare_rest(old, new, &told);
	if (err)
		return err;
	if (role->type == GRAFT_METADATA_ROOT)
		return compare_roots(old, new, &told);
	err = compare_delegations(old, new, &told);
	return err ? err
		   : each_difference(old ? old->targets : NULL, new->targets,
				     tell_target, &told);
}
