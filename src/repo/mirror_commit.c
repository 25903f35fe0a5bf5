// SPDX-License-Identifier: Apache-2.0

// The metadata of a mirror: those that were verified, and all roots on the way there.

#include "repo/mirror_model.h"

#include "base/fault.h"
#include "base/file.h"
#include "repo/limits.h"
#include "repo/tree.h"
#include "trust/authority.h"
#include "trust/limits.h"
#include "trust/metadata.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/** Hand over a file that the client stored. */
GRAFT_MUST_CHECK static struct graft_error *
give_stored(const struct graft_mirror *mirror, const char *role,
	    graft_mirror_file_fn *fn, void *arg)
{
	GRAFT_FREE char *path = NULL;
	GRAFT_FREE char *name = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	const uint64_t version = graft_client_version(mirror->client, role);
	size_t len;

	struct graft_error *err = graft_mirror_path(&path, "%s/%s.json",
						    mirror->trusted, role);
	if (!err)
		err = strcmp(role, "timestamp") == 0
			      ? graft_mirror_path(&name, "timestamp.json")
			      : graft_mirror_path(&name, "%llu.%s.json",
						  (unsigned long long)version,
						  role);
	if (!err)
		err = graft_file_read(path, GRAFT_TRUST_TARGETS_BYTES, &bytes,
				      &len);
	return err ? err : fn(arg, name, bytes, len);
}

/** Get a root: the newest as it is trusted, others from what is public or the repository. */
GRAFT_MUST_CHECK static struct graft_error *
get_root(const struct graft_mirror *mirror, uint64_t version,
	 uint8_t **bytes_ret, size_t *len_ret)
{
	GRAFT_FREE char *path = NULL;
	GRAFT_FREE char *url = NULL;

	struct graft_error *err = graft_mirror_path(
		&path, "%s/public/metadata/%llu.root.json", mirror->config.dir,
		(unsigned long long)version);
	if (err)
		return err;
	if (access(path, F_OK) == 0)
		return graft_file_read(path, GRAFT_TRUST_ROOT_BYTES, bytes_ret,
				       len_ret);
	err = graft_mirror_path(&url, "%s%llu.root.json", mirror->metadata_url,
				(unsigned long long)version);
	return err ? err
		   : graft_fetch_whole(&mirror->config.fetcher, url,
				       GRAFT_TRUST_ROOT_BYTES, bytes_ret,
				       len_ret);
}

/** See that a root leads to the next one. */
GRAFT_MUST_CHECK static struct graft_error *
check_link(const struct graft_metadata *root, uint64_t version,
	   const struct graft_metadata *next)
{
	const struct graft_authority authority =
		graft_authority_of(root, GRAFT_METADATA_ROOT);
	struct graft_error *err = graft_authority_check(&authority, root);

	if (!err && next)
		err = graft_authority_check(&authority, next);
	if (!err && root->version != version)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "it is of another version");
	return err ? graft_error_prefix(err, "root version %llu",
					(unsigned long long)version)
		   : NULL;
}

/**
 * Hand over the roots before the newest one, from that on: who trusts an old one walks
 * over them.
 */
GRAFT_MUST_CHECK static struct graft_error *
give_roots(const struct graft_mirror *mirror, graft_mirror_file_fn *fn,
	   void *arg)
{
	GRAFT_CLEANUP(graft_metadata_freep) struct graft_metadata *next = NULL;
	uint64_t version = graft_client_version(mirror->client, "root");

	for (; version > 0; version--) {
		GRAFT_CLEANUP(graft_metadata_freep)
		struct graft_metadata *root = NULL;
		GRAFT_FREE uint8_t *bytes = NULL;
		GRAFT_FREE char *name = NULL;
		size_t len;
		struct graft_error *err = get_root(mirror, version, &bytes,
						   &len);
		// What is older than the first that was published is nobody's.
		if (err && next &&
		    graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
			graft_error_free(err);
			return NULL;
		}
		if (!err)
			err = graft_metadata_decode(GRAFT_METADATA_ROOT, bytes,
						    len, &root);
		if (!err)
			err = check_link(root, version, next);
		if (!err)
			err = graft_mirror_path(&name, "%llu.root.json",
						(unsigned long long)version);
		if (!err)
			err = fn(arg, name, bytes, len);
		if (err)
			return err;
		graft_metadata_free(next);
		next = GRAFT_TAKE(root);
	}
	return NULL;
}

struct graft_error *
graft_mirror_each_file(struct graft_mirror *mirror, graft_mirror_file_fn *fn,
		       void *arg)
{
	struct graft_error *err = give_roots(mirror, fn, arg);

	if (!err)
		err = give_stored(mirror, "snapshot", fn, arg);
	for (size_t i = 0; !err && i < mirror->role_count; i++)
		err = give_stored(mirror, mirror->roles[i], fn, arg);
	return err ? err : give_stored(mirror, "timestamp", fn, arg);
}

/** Write a file among those that are to be public. */
static struct graft_error *
write_next(void *arg, const char *name, const void *bytes, size_t len)
{
	const struct graft_mirror *mirror = arg;
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = graft_mirror_path(
		&path, "%s/next/metadata/%s", mirror->config.dir, name);

	// Over one that was linked, which is the same.
	if (!err && unlink(path) < 0 && errno != ENOENT)
		err = graft_error_os(errno, "remove %s", path);
	return err ? err : graft_tree_write(path, bytes, len);
}

/** What is linked from the old metadata to the new ones. */
struct linking {
	const struct graft_mirror *mirror;
	char *next;
};

static void
linking_deinit(struct linking *linking)
{
	free(linking->next);
}

/** Link a file that clients in the middle of an update may want, and roots. */
static struct graft_error *
link_old(void *arg, const char *path, const char *below)
{
	const struct linking *linking = arg;
	const char *dot = strchr(below, '.');
	GRAFT_FREE char *to = NULL;
	struct stat st;

	if (!dot || strchr(below, '/') ||
	    strcmp(below, "timestamp.json") == 0 || lstat(path, &st) < 0 ||
	    (strcmp(dot, ".root.json") != 0 &&
	     st.st_mtime <= linking->mirror->config.now - GRAFT_REPO_KEEP_S))
		return NULL;
	struct graft_error *err = graft_mirror_path(&to, "%s/%s", linking->next,
						    below);
	if (err)
		return err;
	return link(path, to) < 0 ? graft_error_os(errno, "link %s", to) : NULL;
}

struct graft_error *
graft_mirror_commit(struct graft_mirror *mirror)
{
	GRAFT_CLEANUP(linking_deinit)
	struct linking linking = {
		.mirror = mirror,
	};
	GRAFT_FREE char *public = NULL;
	GRAFT_FREE char *whole = NULL;
	GRAFT_FREE char *partial = NULL;

	for (size_t i = 0; i < mirror->target_count; i++) {
		if (!graft_mirror_has(mirror, i))
			return graft_error_new(GRAFT_ERROR_NOT_FOUND,
					       "%s is missing",
					       mirror->targets[i].name);
	}
	struct graft_error *err = graft_mirror_path(
		&linking.next, "%s/next/metadata", mirror->config.dir);
	if (!err)
		err = graft_mirror_path(&public, "%s/public/metadata",
					mirror->config.dir);
	if (!err)
		err = graft_mirror_path(&whole, "%s/next", mirror->config.dir);
	if (!err)
		err = graft_mirror_path(&partial, "%s/partial",
					mirror->config.dir);
	if (!err)
		err = graft_dir_make(linking.next, 0755);
	if (!err)
		err = graft_tree_each(public, link_old, &linking);
	if (!err)
		err = graft_mirror_each_file(mirror, write_next, mirror);
	if (!err)
		err = graft_tree_sync(linking.next);
	if (!err)
		err = graft_fault("mirror-exchange");
	if (!err)
		err = graft_tree_exchange(linking.next, public);
	if (!err)
		err = graft_tree_remove(whole);
	// Of targets that nobody lists any more.
	return err ? err : graft_tree_remove(partial);
}
