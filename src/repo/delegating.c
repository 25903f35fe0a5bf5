// SPDX-License-Identifier: Apache-2.0

#include "repo/delegating.h"

#include "base/hex.h"
#include "base/sha256.h"
#include "repo/limits.h"
#include "repo/names.h"
#include "trust/pattern.h"

#include <stdio.h>
#include <string.h>

enum {
	/** Bits of one hexadecimal digit. */
	DIGIT_BITS = 4,
	NAME_LEN = 16,
};

struct graft_error *
graft_repo_stage_delegations(struct graft_repo *repo, const char *name,
			     const struct graft_repo_rotation *rotation,
			     const char *added, struct graft_repo_ring *ring)
{
	struct graft_repo_role *role = repo->roles[GRAFT_REPO_TARGETS];
	const struct graft_metadata *targets = graft_repo_current(role);
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text roles = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text keys = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text all = { 0 };
	uint32_t left = targets->roles ? targets->roles->count : 0;
	const struct graft_node *node = left ? graft_node_first(targets->roles)
					     : NULL;

	ring->old = targets->keys;
	graft_text_put(&roles, "[");
	for (; left > 0; left--, node = graft_node_next(node)) {
		const char *one = graft_node_get(node, "name")->text;
		const bool meant = name && (strcmp(one, name) == 0 ||
					    (strcmp(name, "bins") == 0 &&
					     graft_repo_is_bin(one)));
		graft_text_put(&roles, roles.len > 1 ? "," : "");
		struct graft_error *err = graft_repo_put_role(
			ring, node, meant ? rotation : NULL, NULL, 0, &roles);
		if (err)
			return graft_error_prefix(err, "role %s", one);
	}
	graft_text_printf(&roles, "%s%s]", *added && roles.len > 1 ? "," : "",
			  added);
	graft_repo_put_keys(ring, &keys);
	if (roles.failed || keys.failed)
		return graft_error_no_memory();
	struct graft_json_member parts[] = { { "keys", keys.str },
					     { "roles", roles.str } };
	graft_json_put_merged(
		&all, graft_node_get(targets->signed_part, "delegations"),
		parts, 2);
	if (all.failed)
		return graft_error_no_memory();
	const struct graft_json_member member = { "delegations", all.str };
	return graft_repo_stage(repo, role, &member, 1);
}

/** Append one role of a delegation, and have it staged later. */
GRAFT_MUST_CHECK static struct graft_error *
put_new(struct graft_repo_ring *ring, const char *name,
	const struct graft_json_member *where,
	const struct graft_repo_role_spec *spec, bool terminating,
	struct graft_text *out)
{
	const struct graft_repo_rotation rotation = {
		.add = spec->keys,
		.threshold = spec->threshold,
		.days = spec->days,
	};
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text quoted = { 0 };

	graft_json_put_string(&quoted, name, strlen(name));
	if (quoted.failed)
		return graft_error_no_memory();
	const struct graft_json_member more[] = {
		{ "name", quoted.str },
		*where,
		{ "terminating", terminating ? "true" : "false" },
	};
	graft_text_put(out, out->len ? "," : "");
	return graft_repo_put_role(ring, NULL, &rotation, more, 3, out);
}

/** Write the name of a bin: as many digits as the last one has. */
static void
name_bin(uint32_t index, uint32_t count, char ret[NAME_LEN])
{
	int digits = 1;

	while ((count - 1) >> (digits * DIGIT_BITS))
		digits++;
	(void)snprintf(ret, NAME_LEN, "bin-%0*x", digits & 7, index);
}

/** Append the beginnings of hashes that a bin has. */
static void
put_prefixes(uint32_t index, uint32_t count, struct graft_text *out)
{
	uint32_t digits = 0;

	while (1U << (digits * DIGIT_BITS) < count)
		digits++;
	const uint32_t each = (1U << (digits * DIGIT_BITS)) / count;
	graft_text_put(out, "[");
	for (uint32_t i = index * each; i < (index + 1) * each; i++)
		graft_text_printf(out, "%s\"%0*x\"",
				  i > index * each ? "," : "", (int)digits, i);
	graft_text_put(out, "]");
}

struct graft_error *
graft_repo_make_bins(struct graft_repo *repo,
		     const struct graft_repo_spec *spec)
{
	const struct graft_repo_role_spec *of = spec->bins.keys.count
							? &spec->bins
							: &spec->targets;
	GRAFT_CLEANUP(graft_repo_ring_deinit)
	struct graft_repo_ring ring = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text roles = { 0 };
	const uint32_t count = spec->bin_count;
	struct graft_error *err = NULL;

	if (count < 2 || count > GRAFT_REPO_ROLES_MAX || (count & (count - 1)))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "bins: a power of two from 2 to %d",
				       GRAFT_REPO_ROLES_MAX);
	for (uint32_t i = 0; !err && i < count; i++) {
		GRAFT_CLEANUP(graft_text_deinit)
		struct graft_text prefixes = { 0 };
		struct graft_repo_role *role;
		char name[NAME_LEN];
		name_bin(i, count, name);
		put_prefixes(i, count, &prefixes);
		if (prefixes.failed)
			return graft_error_no_memory();
		const struct graft_json_member where = { "path_hash_prefixes",
							 prefixes.str };
		err = put_new(&ring, name, &where, of, false, &roles);
		if (!err)
			err = graft_repo_have_role(repo, name, &role);
		if (!err)
			err = graft_repo_stage_empty(repo, role, of->days);
	}
	if (!err && roles.failed)
		err = graft_error_no_memory();
	return err ? err
		   : graft_repo_stage_delegations(
			     repo, NULL, NULL, graft_text_str(&roles), &ring);
}

struct graft_error *
graft_repo_delegate(struct graft_repo *repo,
		    const struct graft_repo_delegation *delegation)
{
	GRAFT_CLEANUP(graft_repo_ring_deinit)
	struct graft_repo_ring ring = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text patterns = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text roles = { 0 };
	const char *name = delegation->name;
	struct graft_repo_role *role;

	struct graft_error *err = graft_repo_name_check(name);
	if (err)
		return err;
	if (graft_repo_find(repo, name) || graft_repo_is_bin(name) ||
	    strcmp(name, "bins") == 0 || strcmp(name, "snapshot") == 0 ||
	    strcmp(name, "timestamp") == 0)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: a role is called so", name);
	graft_text_put(&patterns, "[");
	for (size_t i = 0; i < delegation->pattern_count; i++) {
		graft_text_put(&patterns, i ? "," : "");
		graft_json_put_string(&patterns, delegation->patterns[i],
				      strlen(delegation->patterns[i]));
	}
	graft_text_put(&patterns, "]");
	if (patterns.failed)
		return graft_error_no_memory();
	const struct graft_json_member where = { "paths", patterns.str };
	err = put_new(&ring, name, &where, &delegation->spec,
		      delegation->terminating, &roles);
	if (!err && roles.failed)
		err = graft_error_no_memory();
	if (!err)
		err = graft_repo_stage_delegations(
			repo, NULL, NULL, graft_text_str(&roles), &ring);
	if (!err)
		err = graft_repo_have_role(repo, name, &role);
	return err ? err
		   : graft_repo_stage_empty(repo, role, delegation->spec.days);
}

/** Ask whether a role is delegated a path. */
static bool
is_delegated(const struct graft_node *role, const char *path, const char *hash)
{
	const struct graft_node *paths = graft_node_get(role, "paths");
	const struct graft_node *array =
		paths ? paths : graft_node_get(role, "path_hash_prefixes");
	const struct graft_node *at = graft_node_first(array);

	for (uint32_t i = 0; i < array->count; i++) {
		if (paths ? graft_pattern_match(at[i].text, path)
			  : strncmp(at[i].text, hash, at[i].len) == 0)
			return true;
	}
	return false;
}

/** Find the first role for a path, or see whether one of a name is on the way. */
GRAFT_MUST_CHECK static struct graft_error *
walk(const struct graft_repo *repo, const char *path, const char *wanted,
     const char **ret)
{
	const struct graft_metadata *targets =
		graft_repo_current(repo->roles[GRAFT_REPO_TARGETS]);
	uint32_t left = targets->roles ? targets->roles->count : 0;
	const struct graft_node *role = left ? graft_node_first(targets->roles)
					     : NULL;
	uint8_t hash[GRAFT_SHA256_LEN];
	char digits[2 * GRAFT_SHA256_LEN + 1];

	*ret = NULL;
	struct graft_error *err = graft_sha256(path, strlen(path), hash);
	if (err)
		return err;
	graft_hex_encode(hash, sizeof(hash), digits);
	for (; left > 0; left--, role = graft_node_next(role)) {
		const char *name = graft_node_get(role, "name")->text;
		if (!is_delegated(role, path, digits))
			continue;
		if (!wanted || strcmp(wanted, name) == 0) {
			*ret = name;
			return NULL;
		}
		if (graft_node_is(graft_node_get(role, "terminating"),
				  GRAFT_NODE_TRUE))
			return NULL;
	}
	return NULL;
}

struct graft_error *
graft_repo_route(const struct graft_repo *repo, const char *path,
		 struct graft_repo_role **ret)
{
	const char *name;
	struct graft_error *err = walk(repo, path, NULL, &name);

	if (!err)
		*ret = name ? graft_repo_find(repo, name) : NULL;
	return err;
}

struct graft_error *
graft_repo_reaches(const struct graft_repo *repo, const char *path,
		   const char *role, bool *ret)
{
	const char *name;
	struct graft_error *err = walk(repo, path, role, &name);

	*ret = !err && name;
	return err;
}
