// SPDX-License-Identifier: Apache-2.0

#include "repo/mirror_model.h"

#include "base/file.h"
#include "base/vec.h"
#include "repo/names.h"
#include "repo/tree.h"
#include "trust/limits.h"
#include "trust/measure.h"
#include "trust/metadata.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

void
graft_mirror_close(struct graft_mirror *mirror)
{
	if (!mirror)
		return;
	for (size_t i = 0; i < mirror->target_count; i++)
		free(mirror->targets[i].name);
	for (size_t i = 0; i < mirror->role_count; i++)
		free(mirror->roles[i]);
	free(mirror->targets);
	free(mirror->roles);
	graft_client_close(mirror->client);
	free(mirror->trusted);
	free(mirror->metadata_url);
	free(mirror);
}

struct graft_error *
graft_mirror_path(char **ret, const char *fmt, ...)
{
	va_list args;
	char *path;

	va_start(args, fmt);
	const int len = vasprintf(&path, fmt, args);
	va_end(args);
	if (len < 0)
		return graft_error_no_memory();
	*ret = path;
	return NULL;
}

/** Trust the root that was named, if none is trusted yet. */
GRAFT_MUST_CHECK static struct graft_error *
trust_root(const struct graft_mirror *mirror)
{
	GRAFT_FREE char *path = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	struct graft_error *err = graft_mirror_path(&path, "%s/root.json",
						    mirror->trusted);
	if (err || access(path, F_OK) == 0)
		return err;
	if (!mirror->config.trusted_root)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: no root is trusted here yet: "
				       "--trusted-root FILE, from a source "
				       "that you trust",
				       mirror->config.dir);
	err = graft_file_read(mirror->config.trusted_root,
			      GRAFT_TRUST_ROOT_BYTES, &bytes, &len);
	if (err)
		return err;
	err = graft_client_init(mirror->trusted, bytes, len);
	return err ? graft_error_prefix(err, "%s", mirror->config.trusted_root)
		   : NULL;
}

/** Note a target. */
GRAFT_MUST_CHECK static struct graft_error *
note_target(struct graft_mirror *mirror, const struct graft_node *key)
{
	const struct graft_node *node = graft_node_next(key);
	const char *hash = graft_measure_prefix(node);

	// Signed, but by whoever has a key there: no name leads out of our folder.
	struct graft_error *err = graft_repo_path_check(key->text);
	if (!err && (!hash || strspn(hash, "0123456789abcdef") != strlen(hash)))
		err = graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				      "%.200s: no hash of a known kind",
				      key->text);
	if (!err)
		err = graft_vec_reserve(&mirror->targets, &mirror->target_cap,
					mirror->target_count + 1,
					sizeof(*mirror->targets));
	if (err)
		return err;
	struct graft_mirror_target *target =
		&mirror->targets[mirror->target_count];
	*target = (struct graft_mirror_target){ .hash = hash,
						.path = key->text,
						.node = node };
	err = graft_repo_hashed_name(key->text, hash, &target->name);
	mirror->target_count += !err;
	return err;
}

/** Note a role and its targets. */
static struct graft_error *
note_role(void *arg, const char *role, const struct graft_metadata *metadata)
{
	struct graft_mirror *mirror = arg;
	const struct graft_node *key = graft_node_first(metadata->targets);

	// As a file of metadata it must be one that servers carry.
	struct graft_error *err = graft_repo_name_check(role);
	if (!err)
		err = graft_vec_reserve(&mirror->roles, &mirror->role_cap,
					mirror->role_count + 1, sizeof(char *));
	if (err)
		return err;
	mirror->roles[mirror->role_count] = strdup(role);
	if (!mirror->roles[mirror->role_count])
		return graft_error_no_memory();
	mirror->role_count++;
	for (uint32_t i = 0; !err && i < metadata->targets->count; i++) {
		err = note_target(mirror, key);
		key = graft_node_next(graft_node_next(key));
	}
	return err;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct graft_mirror_target *)a)->name,
		      ((const struct graft_mirror_target *)b)->name);
}

/** Put the targets in order; two roles may list the same one. */
static void
sort_targets(struct graft_mirror *mirror)
{
	size_t kept = 0;

	if (mirror->target_count)
		qsort(mirror->targets, mirror->target_count,
		      sizeof(*mirror->targets), compare_names);
	for (size_t i = 0; i < mirror->target_count; i++) {
		if (kept && compare_names(&mirror->targets[kept - 1],
					  &mirror->targets[i]) == 0)
			free(mirror->targets[i].name);
		else
			mirror->targets[kept++] = mirror->targets[i];
	}
	mirror->target_count = kept;
}

/** Read the root that is trusted now. */
GRAFT_MUST_CHECK static struct graft_error *
check_consistent(const struct graft_mirror *mirror)
{
	GRAFT_CLEANUP(graft_metadata_freep) struct graft_metadata *root = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_FREE char *path = NULL;
	size_t len;

	struct graft_error *err = graft_mirror_path(&path, "%s/root.json",
						    mirror->trusted);
	if (!err)
		err = graft_file_read(path, GRAFT_TRUST_ROOT_BYTES, &bytes,
				      &len);
	if (!err)
		err = graft_metadata_decode(GRAFT_METADATA_ROOT, bytes, len,
					    &root);
	if (!err && !root->consistent_snapshot)
		err = graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				      "the repository has no consistent "
				      "snapshots: its files change in place, "
				      "and cannot be mirrored in one step");
	return err;
}

struct graft_error *
graft_mirror_open(const struct graft_mirror_config *config,
		  struct graft_mirror **ret)
{
	GRAFT_CLEANUP(graft_mirror_closep)
	struct graft_mirror *mirror = calloc(1, sizeof(*mirror));
	GRAFT_FREE char *next = NULL;
	if (!mirror)
		return graft_error_no_memory();
	mirror->config = *config;

	struct graft_error *err = graft_mirror_path(&mirror->trusted,
						    "%s/trusted", config->dir);
	if (!err)
		err = graft_mirror_path(&mirror->metadata_url, "%s/metadata/",
					config->url);
	if (!err)
		err = graft_mirror_path(&next, "%s/next", config->dir);
	if (!err)
		err = trust_root(mirror);
	const struct graft_client_config of_client = {
		.metadata_dir = mirror->trusted,
		.metadata_url = mirror->metadata_url,
		.fetcher = config->fetcher,
		.now = config->now,
		.root_fn = config->root_fn,
		.root_arg = config->root_arg,
	};
	if (!err)
		err = graft_client_open(&of_client, &mirror->client);
	// The lock of the client is ours now.
	if (!err)
		err = graft_tree_remove(next);
	if (!err)
		err = graft_client_each_role(mirror->client, note_role, mirror);
	if (!err)
		err = check_consistent(mirror);
	if (err)
		return err;
	sort_targets(mirror);
	*ret = GRAFT_TAKE(mirror);
	return NULL;
}

size_t
graft_mirror_count(const struct graft_mirror *mirror)
{
	return mirror->target_count;
}

const char *
graft_mirror_target(const struct graft_mirror *mirror, size_t i)
{
	return mirror->targets[i].path;
}

const char *
graft_mirror_name(const struct graft_mirror *mirror, size_t i)
{
	return mirror->targets[i].name;
}

uint64_t
graft_mirror_length(const struct graft_mirror *mirror, size_t i)
{
	return (uint64_t)graft_node_get(mirror->targets[i].node, "length")
		->number;
}

size_t
graft_mirror_find(const struct graft_mirror *mirror, const char *name)
{
	const struct graft_mirror_target key = { .name = (char *)name };
	const struct graft_mirror_target *found =
		mirror->target_count
			? bsearch(&key, mirror->targets, mirror->target_count,
				  sizeof(key), compare_names)
			: NULL;

	return found ? (size_t)(found - mirror->targets) : SIZE_MAX;
}

struct graft_error *
graft_mirror_look_up(struct graft_mirror *mirror, const char *path, size_t *ret)
{
	const struct graft_node *node;
	GRAFT_FREE char *name = NULL;
	const char *hash = NULL;

	struct graft_error *err = graft_client_find(mirror->client, path,
						    &node);
	if (!err)
		err = graft_repo_path_check(path);
	if (!err)
		hash = graft_measure_prefix(node);
	if (!err && !hash)
		err = graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				      "%.200s: no hash of a known kind", path);
	if (!err)
		err = graft_repo_hashed_name(path, hash, &name);
	if (err)
		return err;
	const size_t i = graft_mirror_find(mirror, name);
	// Another role may list the same bytes with a length that is wrong.
	if (i == SIZE_MAX || (uint64_t)graft_node_get(node, "length")->number !=
				     graft_mirror_length(mirror, i))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%.200s: roles that list it contradict "
				       "each other",
				       path);
	*ret = i;
	return NULL;
}

struct graft_error *
graft_mirror_lists(struct graft_mirror *mirror, const char *path,
		   uint64_t length, const char *sha256, bool *ret)
{
	const struct graft_node *node;
	struct graft_error *err = graft_client_find(mirror->client, path,
						    &node);

	if (err)
		return err;
	const struct graft_node *hash =
		graft_node_get(graft_node_get(node, "hashes"), "sha256");
	// Digits of either case.
	*ret = hash && strcasecmp(hash->text, sha256) == 0 &&
	       (uint64_t)graft_node_get(node, "length")->number == length;
	return NULL;
}

struct graft_error *
graft_mirror_file(const struct graft_mirror *mirror, size_t i, char **ret)
{
	return graft_mirror_path(ret, "%s/public/targets/%s",
				 mirror->config.dir, mirror->targets[i].name);
}

bool
graft_mirror_has(const struct graft_mirror *mirror, size_t i)
{
	GRAFT_FREE char *path = NULL;
	struct stat st;
	struct graft_error *err = graft_mirror_file(mirror, i, &path);

	graft_error_free(err);
	// It was measured before it got this name, which holds its hash.
	return !err && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == graft_mirror_length(mirror, i);
}
