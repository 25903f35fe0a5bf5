// SPDX-License-Identifier: Apache-2.0

#include "repo/repo.h"

#include "repo/delegating.h"
#include "repo/keys.h"

#include <string.h>

/** Stage a root in which one role has other keys. */
GRAFT_MUST_CHECK static struct graft_error *
stage_root(struct graft_repo *repo, const char *name,
	   const struct graft_repo_rotation *rotation)
{
	struct graft_repo_role *role = repo->roles[GRAFT_REPO_ROOT];
	const struct graft_metadata *root = graft_repo_current(role);
	GRAFT_CLEANUP(graft_repo_ring_deinit)
	struct graft_repo_ring ring = { .old = root->keys };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text roles = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text keys = { 0 };

	graft_text_put(&roles, "{");
	for (int type = 0; type < GRAFT_METADATA_TYPES; type++) {
		const char *one = graft_metadata_type_name(type);
		graft_text_printf(&roles, "%s\"%s\":", type ? "," : "", one);
		struct graft_error *err = graft_repo_put_role(
			&ring, graft_node_get(root->roles, one),
			strcmp(one, name) == 0 ? rotation : NULL, NULL, 0,
			&roles);
		if (err)
			return graft_error_prefix(err, "role %s", one);
	}
	graft_text_put(&roles, "}");
	graft_repo_put_keys(&ring, &keys);
	if (roles.failed || keys.failed)
		return graft_error_no_memory();
	const struct graft_json_member members[] = { { "keys", keys.str },
						     { "roles", roles.str } };
	return graft_repo_stage(repo, role, members, 2);
}

/** Stage once more what a role says if its new keys did not sign what is live. */
GRAFT_MUST_CHECK static struct graft_error *
renew_if_needed(struct graft_repo *repo, struct graft_repo_role *role)
{
	struct graft_authority authority;

	if (role->staged.metadata || !role->live.metadata ||
	    !graft_repo_authority(repo, role, &authority))
		return NULL;
	struct graft_error *err = graft_authority_check(&authority,
							role->live.metadata);
	if (!err)
		return NULL;
	if (graft_error_kind(err) == GRAFT_KIND_FAULT)
		return err;
	graft_error_free(err);
	return graft_repo_stage(repo, role, NULL, 0);
}

static bool
is_top_level(const char *name)
{
	for (int type = 0; type < GRAFT_METADATA_TYPES; type++) {
		if (strcmp(name, graft_metadata_type_name(type)) == 0)
			return true;
	}
	return false;
}

struct graft_error *
graft_repo_rotate(struct graft_repo *repo, const char *role,
		  const struct graft_repo_rotation *rotation)
{
	struct graft_error *err;

	if (is_top_level(role)) {
		err = stage_root(repo, role, rotation);
		return err || strcmp(role, "targets") != 0
			       ? err
			       : renew_if_needed(
					 repo, repo->roles[GRAFT_REPO_TARGETS]);
	}
	GRAFT_CLEANUP(graft_repo_ring_deinit)
	struct graft_repo_ring ring = { 0 };
	struct graft_repo_role *one;
	err = strcmp(role, "bins") == 0 ? NULL
					: graft_repo_look_up(repo, role, &one);
	if (!err)
		err = graft_repo_stage_delegations(repo, role, rotation, "",
						   &ring);
	return err ? err : graft_repo_each(repo, role, renew_if_needed);
}
