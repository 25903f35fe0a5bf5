// SPDX-License-Identifier: Apache-2.0

#include "repo/repo.h"

#include "repo/delegating.h"
#include "repo/keys.h"
#include "repo/open.h"

#include <string.h>

#define SPEC_VERSION "\"1.0.31\""

/** Append what a new root says of a role. */
GRAFT_MUST_CHECK static struct graft_error *
put_role(struct graft_repo_ring *ring, enum graft_metadata_type type,
	 const struct graft_repo_role_spec *spec, struct graft_text *out)
{
	const char *name = graft_metadata_type_name(type);
	const struct graft_repo_rotation rotation = {
		.add = spec->keys,
		.threshold = spec->threshold,
		.days = spec->days,
	};

	graft_text_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
	return graft_repo_put_role(ring, NULL, &rotation, NULL, 0, out);
}

/** Stage the first root. */
GRAFT_MUST_CHECK static struct graft_error *
stage_root(struct graft_repo *repo, const struct graft_repo_spec *spec)
{
	GRAFT_CLEANUP(graft_repo_ring_deinit)
	struct graft_repo_ring ring = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text roles = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text keys = { 0 };
	const struct graft_repo_role_spec *const specs[] = {
		[GRAFT_METADATA_ROOT] = &spec->root,
		[GRAFT_METADATA_TIMESTAMP] = &spec->timestamp,
		[GRAFT_METADATA_SNAPSHOT] = &spec->snapshot,
		[GRAFT_METADATA_TARGETS] = &spec->targets,
	};

	graft_text_put(&roles, "{");
	for (int type = 0; type < GRAFT_METADATA_TYPES; type++) {
		struct graft_error *err = put_role(&ring, type, specs[type],
						   &roles);
		if (err)
			return err;
	}
	graft_text_put(&roles, "}");
	graft_repo_put_keys(&ring, &keys);
	if (roles.failed || keys.failed)
		return graft_error_no_memory();
	const struct graft_json_member members[] = {
		{ "_type", "\"root\"" },
		{ "spec_version", SPEC_VERSION },
		{ "consistent_snapshot", "true" },
		{ "keys", keys.str },
		{ "roles", roles.str },
	};
	return graft_repo_stage_for(repo, repo->roles[GRAFT_REPO_ROOT],
				    spec->root.days, members,
				    sizeof(members) / sizeof(*members));
}

struct graft_error *
graft_repo_stage_empty(struct graft_repo *repo, struct graft_repo_role *role,
		       uint32_t days)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text name = { 0 };

	// Else a signature over one empty role would be one over each.
	graft_json_put_string(&name, role->name, strlen(role->name));
	if (name.failed)
		return graft_error_no_memory();
	const struct graft_json_member members[] = {
		{ "_type", "\"targets\"" },
		{ "spec_version", SPEC_VERSION },
		{ "targets", "{}" },
		{ GRAFT_METADATA_ROLE_KEY, name.str },
	};
	return graft_repo_stage_for(repo, role, days, members,
				    sizeof(members) / sizeof(*members));
}

/** See that there is no repository yet. */
GRAFT_MUST_CHECK static struct graft_error *
check_empty(struct graft_repo *repo)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = graft_repo_list(repo);

	if (!err)
		err = graft_repo_path(repo, &path, "staged/metadata/root.json");
	if (err)
		return err;
	if (!repo->listed_count && access(path, F_OK) < 0)
		return NULL;
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "%s: there is a repository: graft repo rotate "
			       "changes its keys",
			       repo->dir);
}

/** See that each role has a key. */
GRAFT_MUST_CHECK static struct graft_error *
check_spec(const struct graft_repo_spec *spec)
{
	const struct {
		const char *name;
		const struct graft_repo_role_spec *spec;
	} roles[] = { { "root", &spec->root },
		      { "targets", &spec->targets },
		      { "snapshot", &spec->snapshot },
		      { "timestamp", &spec->timestamp } };

	for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
		if (!roles[i].spec->keys.count)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "role %s has no key: --key "
					       "%s=FILE",
					       roles[i].name, roles[i].name);
	}
	return NULL;
}

struct graft_error *
graft_repo_create(const struct graft_repo_config *config,
		  const struct graft_repo_spec *spec)
{
	GRAFT_CLEANUP(graft_repo_closep) struct graft_repo *repo = NULL;
	const struct graft_repo_keys all[] = { spec->root.keys,
					       spec->targets.keys,
					       spec->bins.keys };
	struct graft_repo_role *role;

	struct graft_error *err = check_spec(spec);
	if (!err)
		err = graft_repo_begin(config, true, &repo);
	if (!err)
		err = check_empty(repo);
	if (!err)
		err = graft_repo_have_role(repo, "root", &role);
	if (!err)
		err = graft_repo_have_role(repo, "targets", &role);
	if (err)
		return err;
	// In this order: without a root there is no repository, whatever else is staged.
	err = graft_repo_stage_empty(repo, role, spec->targets.days);
	if (!err && spec->bin_count)
		err = graft_repo_make_bins(repo, spec);
	if (!err)
		err = stage_root(repo, spec);
	// Once more, for now it is said for how many days it is good.
	if (!err)
		err = graft_repo_stage(repo, role, NULL, 0);
	for (size_t i = 0; !err && i < sizeof(all) / sizeof(*all); i++)
		err = graft_repo_sign_if_may(repo, &all[i]);
	return err;
}
