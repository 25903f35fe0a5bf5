// SPDX-License-Identifier: Apache-2.0

#include "repo/repo_model.h"

#include "repo/keys.h"
#include "repo/names.h"
#include "repo/open.h"
#include "repo/tree.h"
#include "trust/limits.h"

#include <assert.h>
#include <string.h>

enum {
	/** Days of roles that do not say. */
	DAYS = 90,
	MEMBERS_MAX = 16,
};

void
graft_repo_wrap(struct graft_text *out, const char *signatures,
		const char *signed_part)
{
	graft_text_printf(out,
			  "{\"signatures\":[%s],\n\"signed\":", signatures);
	graft_text_put(out, signed_part);
	graft_text_put(out, "}\n");
}

struct graft_error *
graft_repo_keep(struct graft_repo *repo, struct graft_repo_role *role,
		const struct graft_text *bytes)
{
	GRAFT_CLEANUP(graft_repo_file_deinit)
	struct graft_repo_file file = { 0 };
	const uint64_t max = role->type == GRAFT_METADATA_ROOT
				     ? GRAFT_TRUST_ROOT_BYTES
				     : GRAFT_TRUST_TARGETS_BYTES;

	if (bytes->failed)
		return graft_error_no_memory();
	// What no client would take is not even staged.
	if (bytes->len > max)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: %zu bytes, and clients take %llu: "
				       "it wants bins",
				       role->name, bytes->len,
				       (unsigned long long)max);
	struct graft_error *err = graft_metadata_decode(
		role->type, bytes->str, bytes->len, &file.metadata);
	if (err)
		return graft_error_prefix(err, "%s", role->name);
	const bool root = role->type == GRAFT_METADATA_ROOT;
	const bool targets = role == repo->roles[GRAFT_REPO_TARGETS];
	if (root || targets)
		err = graft_repo_check_keys(
			root ? file.metadata
			     : graft_repo_current(repo->roles[GRAFT_REPO_ROOT]),
			targets ? file.metadata
				: graft_repo_current(
					  repo->roles[GRAFT_REPO_TARGETS]));
	if (err)
		return err;
	file.bytes = malloc(bytes->len);
	if (!file.bytes)
		return graft_error_no_memory();
	memcpy(file.bytes, bytes->str, bytes->len);
	file.len = bytes->len;
	err = graft_trust_store_write(repo->store, role->name, file.bytes,
				      file.len);
	if (err)
		return err;
	graft_repo_file_deinit(&role->staged);
	role->staged = file;
	file = (struct graft_repo_file){ 0 };
	return NULL;
}

/** Get for how many days the next version of a role is good. */
static uint32_t
days_of(const struct graft_repo *repo, const struct graft_repo_role *role)
{
	struct graft_authority authority;

	if (!graft_repo_current(repo->roles[GRAFT_REPO_ROOT]) ||
	    (role->type == GRAFT_METADATA_TARGETS &&
	     !graft_repo_current(repo->roles[GRAFT_REPO_TARGETS])) ||
	    !graft_repo_authority(repo, role, &authority))
		return DAYS;
	return graft_repo_days(authority.role, DAYS);
}

struct graft_error *
graft_repo_stage_for(struct graft_repo *repo, struct graft_repo_role *role,
		     uint32_t days, const struct graft_json_member *members,
		     size_t count)
{
	struct graft_json_member all[MEMBERS_MAX];
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text signed_part = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text expires = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text bytes = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text version = { 0 };
	const struct graft_metadata *current = graft_repo_current(role);

	assert(count + 2 <= MEMBERS_MAX);
	if (count)
		memcpy(all, members, count * sizeof(*all));
	graft_text_printf(
		&version, "%llu",
		(unsigned long long)(role->live.metadata
					     ? role->live.metadata->version
					     : 0) +
			1);
	graft_repo_put_expiry(&expires, repo->now, days);
	all[count++] = (struct graft_json_member){ "expires",
						   graft_text_str(&expires) };
	all[count++] = (struct graft_json_member){ "version",
						   graft_text_str(&version) };
	graft_json_put_merged(&signed_part,
			      current ? current->signed_part : NULL, all,
			      count);
	if (signed_part.failed || expires.failed || version.failed)
		return graft_error_no_memory();
	graft_repo_wrap(&bytes, "", graft_text_str(&signed_part));
	return graft_repo_keep(repo, role, &bytes);
}

struct graft_error *
graft_repo_stage(struct graft_repo *repo, struct graft_repo_role *role,
		 const struct graft_json_member *members, size_t count)
{
	return graft_repo_stage_for(repo, role, days_of(repo, role), members,
				    count);
}

GRAFT_MUST_CHECK static struct graft_error *
renew(struct graft_repo *repo, struct graft_repo_role *role)
{
	return graft_repo_stage(repo, role, NULL, 0);
}

struct graft_error *
graft_repo_renew(struct graft_repo *repo, const char *role)
{
	return graft_repo_each(repo, role, renew);
}

struct graft_error *
graft_repo_reset(const struct graft_repo_config *config, const char *name)
{
	GRAFT_CLEANUP(graft_repo_closep) struct graft_repo *repo = NULL;
	GRAFT_FREE char *path = NULL;

	// Without looking at it: it may be that which cannot be loaded.
	struct graft_error *err = graft_repo_begin(config, false, &repo);
	if (!err && name)
		err = graft_repo_name_check(name);
	if (err)
		return err;
	if (name)
		return graft_trust_store_remove(repo->store, name);
	err = graft_repo_path(repo, &path, "staged/metadata");
	if (!err)
		err = graft_tree_empty(path);
	free(GRAFT_TAKE(path));
	if (!err)
		err = graft_repo_path(repo, &path, "staged/targets");
	return err ? err : graft_tree_remove(path);
}
