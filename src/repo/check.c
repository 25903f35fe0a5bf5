// SPDX-License-Identifier: Apache-2.0

#include "repo/check.h"

#include "repo/copy.h"
#include "repo/keys.h"
#include "repo/names.h"
#include "repo/signing.h"
#include "trust/instant.h"

#include <string.h>
#include <sys/stat.h>

/** Check one role. */
GRAFT_MUST_CHECK static struct graft_error *
check_role(struct graft_repo *repo, struct graft_repo_role *role)
{
	const struct graft_metadata *metadata = graft_repo_current(role);
	const bool staged = role->staged.metadata != NULL;
	char instant[GRAFT_INSTANT_LEN];
	struct graft_error *err = NULL;

	const struct graft_repo_asked asked = graft_repo_ask(repo, role);
	if (!asked.count)
		return staged ? graft_error_new(GRAFT_ERROR_REFUSED,
						"%s: it is staged, and nobody "
						"delegates to it: graft repo "
						"reset --role %s",
						role->name, role->name)
			      : NULL;
	if (!metadata)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: it is delegated to, but says "
				       "nothing",
				       role->name);
	for (size_t i = 0; !err && i < asked.count; i++)
		err = graft_authority_check(&asked.list[i], metadata);
	if (err)
		return graft_error_prefix(err, "%s, version %llu, %s%s",
					  role->name,
					  (unsigned long long)metadata->version,
					  staged ? "staged: graft repo sign "
						   "--role "
						 : "live: graft repo refresh "
						   "--role ",
					  role->name);
	if (metadata->expires > repo->now)
		return NULL;
	graft_instant_print(metadata->expires, instant);
	return graft_error_new(GRAFT_ERROR_EXPIRED,
			       "%s: it expired on %s: graft repo refresh "
			       "--role %s",
			       role->name, instant, role->name);
}

struct graft_error *
graft_repo_check_roles(struct graft_repo *repo)
{
	struct graft_error *err = graft_repo_check_keys(
		graft_repo_current(repo->roles[GRAFT_REPO_ROOT]),
		graft_repo_current(repo->roles[GRAFT_REPO_TARGETS]));

	for (size_t i = 0; !err && i < repo->role_count; i++)
		err = check_role(repo, repo->roles[i]);
	return err;
}

/** Go over the targets of a role. */
GRAFT_MUST_CHECK static struct graft_error *
each_of(struct graft_repo *repo, const struct graft_metadata *metadata,
	graft_repo_target_fn *fn)
{
	const struct graft_node *key = graft_node_first(metadata->targets);

	for (uint32_t i = 0; i < metadata->targets->count; i++) {
		const struct graft_node *target = graft_node_next(key);
		const struct graft_node *hash = graft_node_get(
			graft_node_get(target, "hashes"), "sha256");
		GRAFT_FREE char *name = NULL;
		struct graft_error *err = graft_repo_path_check(key->text);
		if (!err &&
		    (!hash || hash->len != 2 * GRAFT_SHA256_LEN ||
		     strspn(hash->text, "0123456789abcdef") != hash->len))
			err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
					      "%s: no SHA-256", key->text);
		if (!err)
			err = graft_repo_hashed_name(key->text, hash->text,
						     &name);
		if (!err)
			err = fn(repo, name, target, hash->text);
		if (err)
			return err;
		key = graft_node_next(target);
	}
	return NULL;
}

struct graft_error *
graft_repo_each_target(struct graft_repo *repo, graft_repo_target_fn *fn)
{
	for (size_t i = GRAFT_REPO_TARGETS; i < repo->role_count; i++) {
		const struct graft_metadata *metadata =
			repo->roles[i]->staged.metadata;
		struct graft_error *err = metadata ? each_of(repo, metadata, fn)
						   : NULL;
		if (err)
			return err;
	}
	return NULL;
}

struct graft_error *
graft_repo_check_target(struct graft_repo *repo, const char *name,
			const struct graft_node *target, const char *hash)
{
	const uint64_t len = (uint64_t)graft_node_get(target, "length")->number;
	GRAFT_FREE char *public = NULL;
	GRAFT_FREE char *staged = NULL;
	struct graft_copy copy;
	struct stat st;

	struct graft_error *err = graft_repo_path(repo, &public,
						  "public/targets/%s", name);
	if (!err)
		err = graft_repo_path(repo, &staged, "staged/targets/%s", name);
	if (err)
		return err;
	err = graft_copy_measure(staged, &copy);
	// What is public was measured when it became so.
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND &&
	    lstat(public, &st) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size == len) {
		graft_error_free(err);
		return NULL;
	}
	if (err)
		return err;
	if (copy.len == len && strcmp(copy.digits, hash) == 0)
		return NULL;
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "%s: it is not what was staged: add it again",
			       staged);
}
