// SPDX-License-Identifier: Apache-2.0

#include "repo/repo.h"

#include "base/fault.h"
#include "base/file.h"
#include "repo/check.h"
#include "repo/limits.h"
#include "repo/names.h"
#include "repo/online.h"
#include "repo/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/** Move a target to where it is served. */
GRAFT_MUST_CHECK static struct graft_error *
move_target(struct graft_repo *repo, const char *name,
	    const struct graft_node *target, const char *hash)
{
	GRAFT_FREE char *public = NULL;
	GRAFT_FREE char *staged = NULL;

	(void)target;
	(void)hash;
	struct graft_error *err = graft_fault("repo-targets");
	if (!err)
		err = graft_repo_path(repo, &public, "public/targets/%s", name);
	if (!err)
		err = graft_repo_path(repo, &staged, "staged/targets/%s", name);
	if (err)
		return err;
	// Also over one that is there: this one was measured a moment ago.
	if (access(staged, F_OK) < 0)
		return NULL;
	err = graft_tree_make_parent(public);
	if (err)
		return err;
	return rename(staged, public) < 0
		       ? graft_error_os(errno, "rename to %s", public)
		       : NULL;
}

/** Write a file of the metadata that are to be. All of them are synced together. */
GRAFT_MUST_CHECK static struct graft_error *
write_next(const struct graft_repo *repo, const char *name, const void *bytes,
	   size_t len)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = graft_repo_path(repo, &path,
						  "next/metadata/%s", name);

	return err ? err : graft_tree_write(path, bytes, len);
}

GRAFT_MUST_CHECK static struct graft_error *
write_version(const struct graft_repo *repo, uint64_t version, const char *role,
	      const void *bytes, size_t len)
{
	GRAFT_FREE char *name = NULL;

	if (asprintf(&name, "%llu.%s.json", (unsigned long long)version, role) <
	    0) {
		name = NULL;
		return graft_error_no_memory();
	}
	return write_next(repo, name, bytes, len);
}

/** Say whether a version that is public is still wanted. */
static bool
is_kept(const struct graft_repo *repo, const struct graft_repo_listed *listed,
	time_t changed)
{
	const char *dot = strrchr(listed->rest, '.');
	const size_t len = dot ? (size_t)(dot - listed->rest) : 0;

	if (listed->version >= GRAFT_REPO_VERSION_MAX)
		return false;
	// Clients that are in the middle of an update have the old snapshot.
	if (strcmp(listed->rest, "root.json") == 0 ||
	    changed > repo->now - GRAFT_REPO_KEEP_S)
		return true;
	for (size_t i = 0; i < repo->role_count; i++) {
		const struct graft_repo_role *role = repo->roles[i];
		if (strncmp(role->name, listed->rest, len) == 0 &&
		    !role->name[len])
			return role->live.metadata &&
			       role->live.metadata->version == listed->version;
	}
	return strcmp(listed->rest, "snapshot.json") == 0 &&
	       graft_repo_highest(repo, "snapshot", GRAFT_REPO_VERSION_MAX) ==
		       listed->version;
}

/** Link what stays of the metadata that are live. */
GRAFT_MUST_CHECK static struct graft_error *
link_kept(const struct graft_repo *repo)
{
	for (size_t i = 0; i < repo->listed_count; i++) {
		const struct graft_repo_listed *listed = &repo->listed[i];
		GRAFT_FREE char *from = NULL;
		GRAFT_FREE char *to = NULL;
		struct stat st;
		struct graft_error *err = graft_repo_path(
			repo, &from, "public/metadata/%llu.%s",
			(unsigned long long)listed->version, listed->rest);
		if (!err)
			err = graft_repo_path(
				repo, &to, "next/metadata/%llu.%s",
				(unsigned long long)listed->version,
				listed->rest);
		if (err)
			return err;
		if (lstat(from, &st) < 0 || !S_ISREG(st.st_mode) ||
		    !is_kept(repo, listed, st.st_mtime))
			continue;
		if (link(from, to) < 0)
			return graft_error_os(errno, "link %s", to);
	}
	return NULL;
}

/** Fill `next/metadata`. */
GRAFT_MUST_CHECK static struct graft_error *
build_next(struct graft_repo *repo, const struct graft_repo_online *snapshot,
	   const struct graft_repo_online *timestamp)
{
	GRAFT_FREE char *folder = NULL;

	struct graft_error *err = graft_fault("repo-next");
	if (!err)
		err = graft_repo_path(repo, &folder, "next/metadata");
	if (!err)
		err = graft_dir_make(folder, 0755);
	if (!err)
		err = link_kept(repo);
	for (size_t i = 0; !err && i < repo->role_count; i++) {
		const struct graft_repo_role *role = repo->roles[i];
		if (role->staged.metadata)
			err = write_version(repo,
					    role->staged.metadata->version,
					    role->name, role->staged.bytes,
					    role->staged.len);
	}
	if (!err)
		err = write_version(repo, snapshot->version, "snapshot",
				    snapshot->bytes.str, snapshot->bytes.len);
	if (!err)
		err = write_next(repo, "timestamp.json", timestamp->bytes.str,
				 timestamp->bytes.len);
	return err ? err : graft_tree_sync(folder);
}

/** Put `next/metadata` in the place of what is live: the one step that counts. */
GRAFT_MUST_CHECK static struct graft_error *
exchange(const struct graft_repo *repo)
{
	GRAFT_FREE char *next = NULL;
	GRAFT_FREE char *public = NULL;

	struct graft_error *err = graft_fault("repo-exchange");
	if (!err)
		err = graft_repo_path(repo, &next, "next/metadata");
	if (!err)
		err = graft_repo_path(repo, &public, "public/metadata");
	if (!err)
		err = graft_tree_exchange(next, public);
	return err ? err : graft_fault("repo-exchanged");
}

/** Forget what was staged: it is live. */
GRAFT_MUST_CHECK static struct graft_error *
clean_up(struct graft_repo *repo)
{
	GRAFT_FREE char *next = NULL;
	GRAFT_FREE char *targets = NULL;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < repo->role_count; i++) {
		struct graft_repo_role *role = repo->roles[i];
		if (!role->staged.metadata)
			continue;
		graft_repo_file_deinit(&role->live);
		role->live = role->staged;
		role->staged = (struct graft_repo_file){ 0 };
		err = graft_trust_store_remove(repo->store, role->name);
	}
	if (!err)
		err = graft_repo_path(repo, &next, "next");
	if (!err)
		err = graft_tree_remove(next);
	// Targets that were added and taken out again.
	if (!err)
		err = graft_repo_path(repo, &targets, "staged/targets");
	return err ? err : graft_tree_remove(targets);
}

static bool
is_anything_staged(const struct graft_repo *repo)
{
	for (size_t i = 0; i < repo->role_count; i++) {
		if (repo->roles[i]->staged.metadata)
			return true;
	}
	return false;
}

struct graft_error *
graft_repo_publish(struct graft_repo *repo, const struct graft_repo_keys *keys)
{
	GRAFT_CLEANUP(graft_repo_online_deinit)
	struct graft_repo_online snapshot = { 0 };
	GRAFT_CLEANUP(graft_repo_online_deinit)
	struct graft_repo_online timestamp = { 0 };
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *decoded = NULL;
	const struct graft_repo_state state = {
		.root = graft_repo_current(repo->roles[GRAFT_REPO_ROOT]),
		.root_before = repo->roles[GRAFT_REPO_ROOT]->live.metadata,
		.staged = true,
	};

	if (!is_anything_staged(repo))
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "nothing is staged: graft repo refresh "
				       "signs a new timestamp");
	struct graft_error *err = graft_repo_check_roles(repo);
	if (!err)
		err = graft_repo_each_target(repo, graft_repo_check_target);
	if (!err)
		err = graft_repo_make_snapshot(repo, &state, keys, false,
					       &snapshot);
	if (!err)
		err = graft_metadata_decode(GRAFT_METADATA_SNAPSHOT,
					    snapshot.bytes.str,
					    snapshot.bytes.len, &decoded);
	if (err)
		return err;
	const struct graft_repo_file file = {
		.bytes = (uint8_t *)snapshot.bytes.str,
		.len = snapshot.bytes.len,
		.metadata = decoded,
	};
	err = graft_repo_make_timestamp(repo, &state, keys, &file, &timestamp);
	// All that can be refused was.
	if (!err)
		err = graft_repo_each_target(repo, move_target);
	if (!err)
		err = build_next(repo, &snapshot, &timestamp);
	if (!err)
		err = exchange(repo);
	return err ? err : clean_up(repo);
}

/** Put a file of metadata among those that are live. */
GRAFT_MUST_CHECK static struct graft_error *
put_live(const struct graft_repo *repo, const char *name,
	 const struct graft_text *bytes)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = graft_repo_path(repo, &path,
						  "public/metadata/%s", name);

	return err ? err : graft_file_write(path, bytes->str, bytes->len, 0644);
}

/** Sign the snapshot anew if it must be; get the one that counts. */
GRAFT_MUST_CHECK static struct graft_error *
refresh_snapshot(struct graft_repo *repo, const struct graft_repo_state *state,
		 const struct graft_repo_keys *keys,
		 struct graft_repo_file *ret)
{
	GRAFT_CLEANUP(graft_repo_online_deinit)
	struct graft_repo_online snapshot = { 0 };
	char name[64];

	struct graft_error *err = graft_repo_make_snapshot(repo, state, keys,
							   true, &snapshot);
	if (!err && snapshot.bytes.len) {
		(void)snprintf(name, sizeof(name), "%llu.snapshot.json",
			       (unsigned long long)snapshot.version);
		err = put_live(repo, name, &snapshot.bytes);
	}
	if (!err)
		err = graft_repo_read_online(repo, GRAFT_METADATA_SNAPSHOT,
					     snapshot.version, state->root,
					     ret);
	if (!err && !ret->metadata)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "the snapshot cannot be read back");
	return err;
}

struct graft_error *
graft_repo_refresh(struct graft_repo *repo, const struct graft_repo_keys *keys)
{
	GRAFT_CLEANUP(graft_repo_file_deinit)
	struct graft_repo_file snapshot = { 0 };
	GRAFT_CLEANUP(graft_repo_online_deinit)
	struct graft_repo_online timestamp = { 0 };
	const struct graft_metadata *root =
		repo->roles[GRAFT_REPO_ROOT]->live.metadata;
	const struct graft_repo_state state = { .root = root,
						.root_before = root };

	if (!root)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "nothing is published yet");
	struct graft_error *err = refresh_snapshot(repo, &state, keys,
						   &snapshot);
	if (!err)
		err = graft_repo_make_timestamp(repo, &state, keys, &snapshot,
						&timestamp);
	return err ? err : put_live(repo, "timestamp.json", &timestamp.bytes);
}
