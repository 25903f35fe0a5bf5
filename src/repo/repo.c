// SPDX-License-Identifier: Apache-2.0

#include "repo/repo_model.h"

#include "base/file.h"
#include "base/vec.h"
#include "repo/limits.h"
#include "trust/instant.h"
#include "trust/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	DAY_S = 24 * 60 * 60,
};

void
graft_repo_file_deinit(struct graft_repo_file *file)
{
	free(file->bytes);
	graft_metadata_free(file->metadata);
	*file = (struct graft_repo_file){ 0 };
}

void
graft_repo_close(struct graft_repo *repo)
{
	if (!repo)
		return;
	for (size_t i = 0; i < repo->role_count; i++) {
		graft_repo_file_deinit(&repo->roles[i]->live);
		graft_repo_file_deinit(&repo->roles[i]->staged);
		free(repo->roles[i]->name);
		free(repo->roles[i]);
	}
	for (size_t i = 0; i < repo->listed_count; i++)
		free(repo->listed[i].rest);
	free(repo->roles);
	free(repo->listed);
	free(repo->dir);
	graft_trust_store_close(repo->store);
	free(repo);
}

struct graft_error *
graft_repo_path(const struct graft_repo *repo, char **ret, const char *fmt, ...)
{
	GRAFT_FREE char *below = NULL;
	va_list args;

	va_start(args, fmt);
	const int len = vasprintf(&below, fmt, args);
	va_end(args);
	if (len < 0) {
		below = NULL;
		return graft_error_no_memory();
	}
	char *path;
	if (asprintf(&path, "%s/%s", repo->dir, below) < 0)
		return graft_error_no_memory();
	*ret = path;
	return NULL;
}

const struct graft_metadata *
graft_repo_current(const struct graft_repo_role *role)
{
	return role->staged.metadata ? role->staged.metadata
				     : role->live.metadata;
}

struct graft_repo_role *
graft_repo_find(const struct graft_repo *repo, const char *name)
{
	for (size_t i = 0; i < repo->role_count; i++) {
		if (strcmp(repo->roles[i]->name, name) == 0)
			return repo->roles[i];
	}
	return NULL;
}

struct graft_error *
graft_repo_look_up(const struct graft_repo *repo, const char *name,
		   struct graft_repo_role **ret)
{
	*ret = graft_repo_find(repo, name);
	if (*ret)
		return NULL;
	return graft_error_new(GRAFT_ERROR_NOT_FOUND,
			       "%s: no role of content is called so: graft "
			       "repo status lists them",
			       name);
}

struct graft_error *
graft_repo_have_role(struct graft_repo *repo, const char *name,
		     struct graft_repo_role **ret)
{
	*ret = graft_repo_find(repo, name);
	if (*ret)
		return NULL;
	// Root and targets beside.
	if (repo->role_count == GRAFT_REPO_ROLES_MAX + 2)
		return graft_error_new(GRAFT_ERROR_LIMIT, "more than %d roles",
				       GRAFT_REPO_ROLES_MAX);
	struct graft_error *err = graft_vec_reserve(
		&repo->roles, &repo->role_cap, repo->role_count + 1,
		sizeof(struct graft_repo_role *));
	if (err)
		return err;
	struct graft_repo_role *role = calloc(1, sizeof(*role));
	if (!role)
		return graft_error_no_memory();
	role->name = strdup(name);
	if (!role->name) {
		free(role);
		return graft_error_no_memory();
	}
	role->type = strcmp(name, "root") == 0 ? GRAFT_METADATA_ROOT
					       : GRAFT_METADATA_TARGETS;
	*ret = repo->roles[repo->role_count++] = role;
	return NULL;
}

const struct graft_node *
graft_repo_delegated(const struct graft_metadata *targets, const char *name)
{
	uint32_t left = targets && targets->roles ? targets->roles->count : 0;
	const struct graft_node *role = left ? graft_node_first(targets->roles)
					     : NULL;

	for (; left > 0; left--, role = graft_node_next(role)) {
		if (strcmp(graft_node_get(role, "name")->text, name) == 0)
			return role;
	}
	return NULL;
}

bool
graft_repo_authority(const struct graft_repo *repo,
		     const struct graft_repo_role *role,
		     struct graft_authority *ret)
{
	const struct graft_metadata *root =
		graft_repo_current(repo->roles[GRAFT_REPO_ROOT]);
	const struct graft_metadata *targets =
		graft_repo_current(repo->roles[GRAFT_REPO_TARGETS]);

	if (role == repo->roles[GRAFT_REPO_ROOT] ||
	    role == repo->roles[GRAFT_REPO_TARGETS]) {
		*ret = graft_authority_of(root, role->type);
		return true;
	}
	const struct graft_node *delegated = graft_repo_delegated(targets,
								  role->name);
	if (!delegated)
		return false;
	*ret = (struct graft_authority){ .keys = targets->keys,
					 .role = delegated };
	return true;
}

bool
graft_repo_is_bin(const char *name)
{
	return strncmp(name, "bin-", strlen("bin-")) == 0;
}

struct graft_error *
graft_repo_each(struct graft_repo *repo, const char *name,
		struct graft_error *(*fn)(struct graft_repo *repo,
					  struct graft_repo_role *role))
{
	struct graft_repo_role *role;
	bool any = false;

	if (strcmp(name, "bins") != 0) {
		struct graft_error *err = graft_repo_look_up(repo, name, &role);
		return err ? err : fn(repo, role);
	}
	for (size_t i = 0; i < repo->role_count; i++) {
		if (!graft_repo_is_bin(repo->roles[i]->name))
			continue;
		any = true;
		struct graft_error *err = fn(repo, repo->roles[i]);
		if (err)
			return err;
	}
	return any ? NULL
		   : graft_error_new(GRAFT_ERROR_NOT_FOUND,
				     "the repository has no bins");
}

struct graft_error *
graft_repo_read(const char *path, enum graft_metadata_type type,
		struct graft_repo_file *ret)
{
	GRAFT_CLEANUP(graft_repo_file_deinit)
	struct graft_repo_file file = { 0 };
	const uint64_t max = type == GRAFT_METADATA_ROOT
				     ? GRAFT_TRUST_ROOT_BYTES
				     : GRAFT_TRUST_TARGETS_BYTES;

	struct graft_error *err = graft_file_read(path, max, &file.bytes,
						  &file.len);
	if (err)
		return err;
	err = graft_metadata_decode(type, file.bytes, file.len, &file.metadata);
	if (err)
		return graft_error_prefix(err, "%s", path);
	*ret = file;
	file = (struct graft_repo_file){ 0 };
	return NULL;
}

void
graft_repo_put_expiry(struct graft_text *out, int64_t now, uint32_t days)
{
	char instant[GRAFT_INSTANT_LEN];

	graft_instant_print(now + (int64_t)days * DAY_S, instant);
	graft_text_printf(out, "\"%s\"", instant);
}

uint32_t
graft_repo_days(const struct graft_node *role, uint32_t without)
{
	const struct graft_node *days = graft_node_get(role,
						       GRAFT_REPO_DAYS_KEY);

	if (!graft_node_is(days, GRAFT_NODE_INTEGER) || days->number < 1 ||
	    days->number > GRAFT_REPO_DAYS_MAX)
		return without;
	return (uint32_t)days->number;
}
