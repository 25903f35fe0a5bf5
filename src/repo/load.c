// SPDX-License-Identifier: Apache-2.0

// What is live and what is staged, as far as it is what its owners signed.

#include "base/vec.h"
#include "repo/keys.h"
#include "repo/limits.h"
#include "repo/names.h"
#include "repo/online.h"
#include "repo/repo_model.h"
#include "trust/limits.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

static void
close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/** Split "12.targets.json". @return false if it is no such name. */
static bool
split(const char *name, uint64_t *version_ret, const char **rest_ret)
{
	uint64_t version = 0;
	const char *at = name;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(version, 10U, &version) ||
		    __builtin_add_overflow(version, (uint64_t)(*at - '0'),
					   &version))
			return false;
	}
	if (at == name || *name == '0' || *at != '.')
		return false;
	*version_ret = version;
	*rest_ret = at + 1;
	return true;
}

struct graft_error *
graft_repo_list(struct graft_repo *repo)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = graft_repo_path(repo, &path,
						  "public/metadata");
	if (err)
		return err;
	GRAFT_CLEANUP(close_dir) DIR *dir = opendir(path);
	if (!dir && errno == ENOENT)
		return NULL;
	if (!dir)
		return graft_error_os(errno, "open %s", path);
	for (const struct dirent *entry; (entry = readdir(dir));) {
		struct graft_repo_listed listed;
		const char *rest;
		if (!split(entry->d_name, &listed.version, &rest))
			continue;
		err = graft_vec_reserve(&repo->listed, &repo->listed_cap,
					repo->listed_count + 1,
					sizeof(*repo->listed));
		if (err)
			return err;
		listed.rest = strdup(rest);
		if (!listed.rest)
			return graft_error_no_memory();
		repo->listed[repo->listed_count++] = listed;
	}
	return NULL;
}

uint64_t
graft_repo_highest(const struct graft_repo *repo, const char *role,
		   uint64_t below)
{
	const size_t len = strlen(role);
	uint64_t highest = 0;

	for (size_t i = 0; i < repo->listed_count; i++) {
		const struct graft_repo_listed *one = &repo->listed[i];
		if (one->version > highest && one->version < below &&
		    strncmp(one->rest, role, len) == 0 &&
		    strcmp(one->rest + len, ".json") == 0)
			highest = one->version;
	}
	return highest;
}

/** Read a version of a role that is public. */
GRAFT_MUST_CHECK static struct graft_error *
read_live(const struct graft_repo *repo, const struct graft_repo_role *role,
	  uint64_t version, struct graft_repo_file *ret)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err =
		graft_repo_path(repo, &path, "public/metadata/%llu.%s.json",
				(unsigned long long)version, role->name);
	if (!err)
		err = graft_repo_read(path, role->type, ret);
	if (err)
		return err;
	if (ret->metadata->version == version)
		return NULL;
	graft_repo_file_deinit(ret);
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "%s: it says of itself that it is another "
			       "version",
			       path);
}

/** See that a root was signed as the one before it asks, and as it does itself. */
GRAFT_MUST_CHECK static struct graft_error *
check_root(const struct graft_metadata *before,
	   const struct graft_metadata *root)
{
	const struct graft_authority own =
		graft_authority_of(root, GRAFT_METADATA_ROOT);
	struct graft_error *err = graft_authority_check(&own, root);

	if (!err && before) {
		const struct graft_authority old =
			graft_authority_of(before, GRAFT_METADATA_ROOT);
		err = graft_authority_check(&old, root);
	}
	return err ? graft_error_prefix(err, "root version %llu",
					(unsigned long long)root->version)
		   : NULL;
}

/** Walk the chain of roots. */
GRAFT_MUST_CHECK static struct graft_error *
load_roots(struct graft_repo *repo, const struct graft_repo_file *trusted)
{
	struct graft_repo_role *role = repo->roles[GRAFT_REPO_ROOT];
	const uint64_t last = graft_repo_highest(repo, "root", UINT64_MAX);
	bool met = !trusted;

	if (last > GRAFT_TRUST_ROOTS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "public/metadata/%llu.root.json: more "
				       "than %d roots: if it is none of yours, "
				       "remove it",
				       (unsigned long long)last,
				       GRAFT_TRUST_ROOTS_MAX);
	for (uint64_t version = 1; version <= last; version++) {
		GRAFT_CLEANUP(graft_repo_file_deinit)
		struct graft_repo_file next = { 0 };
		struct graft_error *err = read_live(repo, role, version, &next);
		if (!err)
			err = check_root(role->live.metadata, next.metadata);
		if (err)
			return err;
		met |= trusted && trusted->len == next.len &&
		       memcmp(trusted->bytes, next.bytes, next.len) == 0;
		graft_repo_file_deinit(&role->live);
		role->live = next;
		next = (struct graft_repo_file){ 0 };
	}
	return met ? NULL
		   : graft_error_new(GRAFT_ERROR_BAD_SIGNATURE,
				     "the root that is trusted is none of "
				     "this repository: somebody exchanged "
				     "its metadata, or it is another one");
}

/** Load the highest version of a role that its delegator's keys signed. */
GRAFT_MUST_CHECK static struct graft_error *
load_live(struct graft_repo *repo, struct graft_repo_role *role,
	  const struct graft_authority *authority)
{
	const uint64_t version = graft_repo_highest(repo, role->name,
						    UINT64_MAX);

	if (!version)
		return NULL;
	struct graft_error *err = read_live(repo, role, version, &role->live);
	if (!err)
		err = graft_authority_check(authority, role->live.metadata);
	// Of another role that the same key signs: somebody put it here.
	if (!err)
		err = graft_metadata_check_role(role->live.metadata,
						role->name);
	return err ? graft_error_prefix(err,
					"%s version %llu, which is live: put "
					"the file of a copy in its place, or "
					"remove it if none was ever published",
					role->name, (unsigned long long)version)
		   : NULL;
}

/** See that what is staged is what people take it for by the names that they read. */
GRAFT_MUST_CHECK static struct graft_error *
check_staged(const struct graft_repo_role *role)
{
	struct graft_error *err =
		graft_metadata_check_role(role->staged.metadata, role->name);

	if (!err)
		err = graft_repo_check_ids(role->live.metadata,
					   role->staged.metadata);
	if (!err)
		return NULL;
	return graft_error_prefix(err,
				  "%s: somebody changed what is staged (graft "
				  "repo reset --role %s)",
				  role->name, role->name);
}

/** Load the staged file of a role; drop it if it is what is live. */
GRAFT_MUST_CHECK static struct graft_error *
load_staged(struct graft_repo *repo, struct graft_repo_role *role)
{
	GRAFT_FREE char *path = NULL;

	if (repo->live_only)
		return NULL;
	struct graft_error *err = graft_repo_path(
		repo, &path, "staged/metadata/%s.json", role->name);
	if (!err)
		err = graft_repo_read(path, role->type, &role->staged);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return NULL;
	}
	if (err)
		return err;
	const struct graft_repo_file *live = &role->live;
	const uint64_t version = role->staged.metadata->version;
	if (version == (live->metadata ? live->metadata->version : 0) + 1)
		return check_staged(role);
	// Published, and killed before it was cleaned up.
	if (live->len == role->staged.len &&
	    memcmp(live->bytes, role->staged.bytes, live->len) == 0) {
		graft_repo_file_deinit(&role->staged);
		return graft_trust_store_remove(repo->store, role->name);
	}
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"%s: version %llu is staged, but version %llu is live: graft "
		"repo reset --role %s, and stage it again",
		role->name, (unsigned long long)version,
		(unsigned long long)(live->metadata ? live->metadata->version
						    : 0),
		role->name);
}

/** Have all roles in the list that a file of targets delegates to. */
GRAFT_MUST_CHECK static struct graft_error *
have_delegated(struct graft_repo *repo, const struct graft_metadata *targets)
{
	uint32_t left = targets && targets->roles ? targets->roles->count : 0;
	const struct graft_node *node = left ? graft_node_first(targets->roles)
					     : NULL;
	struct graft_repo_role *role;

	for (; left > 0; left--, node = graft_node_next(node)) {
		const char *name = graft_node_get(node, "name")->text;
		struct graft_error *err = graft_repo_name_check(name);
		if (!err)
			err = graft_repo_have_role(repo, name, &role);
		if (err)
			return err;
	}
	return NULL;
}

/** Load what delegated roles have live. */
GRAFT_MUST_CHECK static struct graft_error *
load_delegated(struct graft_repo *repo)
{
	const struct graft_metadata *targets =
		repo->roles[GRAFT_REPO_TARGETS]->live.metadata;

	for (size_t i = GRAFT_REPO_TARGETS + 1; i < repo->role_count; i++) {
		const struct graft_node *node =
			graft_repo_delegated(targets, repo->roles[i]->name);
		const struct graft_authority authority = {
			.keys = targets ? targets->keys : NULL, .role = node
		};
		struct graft_error *err = node ? load_live(repo, repo->roles[i],
							   &authority)
					       : NULL;
		if (err)
			return err;
	}
	return NULL;
}

/** Load root and targets, live and staged; the delegated roles follow from these. */
GRAFT_MUST_CHECK static struct graft_error *
load_top(struct graft_repo *repo, const struct graft_repo_file *trusted)
{
	struct graft_repo_role *root;
	struct graft_repo_role *targets;

	struct graft_error *err = graft_repo_have_role(repo, "root", &root);
	if (!err)
		err = graft_repo_have_role(repo, "targets", &targets);
	if (!err)
		err = load_roots(repo, trusted);
	if (err)
		return err;
	if (root->live.metadata) {
		const struct graft_authority authority = graft_authority_of(
			root->live.metadata, GRAFT_METADATA_TARGETS);
		err = load_live(repo, targets, &authority);
	}
	if (!err)
		err = load_staged(repo, root);
	if (!err)
		err = load_staged(repo, targets);
	if (err)
		return err;
	if (graft_repo_current(root) && graft_repo_current(targets))
		return NULL;
	return graft_error_new(GRAFT_ERROR_NOT_FOUND,
			       "%s: no repository: graft repo init makes one",
			       repo->dir);
}

/** See that no file is missing which the snapshot lists: an older one would be built upon. */
GRAFT_MUST_CHECK static struct graft_error *
check_listed(const struct graft_repo *repo)
{
	const struct graft_metadata *root =
		repo->roles[GRAFT_REPO_ROOT]->live.metadata;
	const uint64_t last = graft_repo_highest(repo, "snapshot",
						 GRAFT_REPO_VERSION_MAX);
	GRAFT_CLEANUP(graft_repo_file_deinit)
	struct graft_repo_file snapshot = { 0 };

	if (!root || !last)
		return NULL;
	struct graft_error *err = graft_repo_read_online(
		repo, GRAFT_METADATA_SNAPSHOT, last, root, &snapshot);
	if (err || !snapshot.metadata)
		return err;
	for (size_t i = GRAFT_REPO_TARGETS; i < repo->role_count; i++) {
		const struct graft_repo_role *role = repo->roles[i];
		const struct graft_node *listed =
			graft_metadata_file(snapshot.metadata, role->name);
		const uint64_t version =
			listed ? graft_metadata_file_version(listed) : 0;
		if (version >
		    (role->live.metadata ? role->live.metadata->version : 0))
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"%s version %llu is listed as live by "
				"%llu.snapshot.json, and is not there: put a "
				"copy in its place, for what is built upon an "
				"older one would lose it. If there never was "
				"one, somebody has the online keys: remove "
				"that snapshot, and rotate them",
				role->name, (unsigned long long)version,
				(unsigned long long)last);
	}
	return NULL;
}

struct graft_error *
graft_repo_load(struct graft_repo *repo, const char *trusted_root)
{
	GRAFT_CLEANUP(graft_repo_file_deinit)
	struct graft_repo_file trusted = { 0 };
	struct graft_error *err = graft_repo_list(repo);

	if (!err && trusted_root)
		err = graft_repo_read(trusted_root, GRAFT_METADATA_ROOT,
				      &trusted);
	if (!err)
		err = load_top(repo, trusted_root ? &trusted : NULL);
	if (err)
		return err;
	const struct graft_repo_role *targets = repo->roles[GRAFT_REPO_TARGETS];
	err = have_delegated(repo, targets->live.metadata);
	if (!err)
		err = have_delegated(repo, targets->staged.metadata);
	if (!err)
		err = load_delegated(repo);
	if (!err)
		err = check_listed(repo);
	for (size_t i = GRAFT_REPO_TARGETS + 1; !err && i < repo->role_count;
	     i++)
		err = load_staged(repo, repo->roles[i]);
	return err;
}
