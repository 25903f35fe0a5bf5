// SPDX-License-Identifier: Apache-2.0

#include "base/file.h"
#include "base/tar.h"
#include "repo/bundle.h"
#include "repo/mirror_model.h"
#include "repo/online.h"
#include "repo/repo_model.h"
#include "repo/tree.h"
#include "trust/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	PIECE_LEN = 64 * 1024,
};

/** A bundle that is being written. */
struct writing {
	struct graft_tar tar;
	const struct graft_mirror *mirror;
	/** In the place of the one that is public; without bytes: that one. */
	struct graft_repo_online timestamp;
	const char *dir;
	struct graft_mirror_counts counts;
};

static void
writing_deinit(struct writing *writing)
{
	graft_tar_deinit(&writing->tar);
	graft_repo_online_deinit(&writing->timestamp);
}

/** Serve files of a directory: the URL is a path. */
static struct graft_error *
serve(void *context, const struct graft_fetch_request *request)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	(void)context;
	struct graft_error *err =
		graft_file_read(request->url, request->max_bytes, &bytes, &len);
	return err ? err : request->sink(request->sink_context, bytes, len);
}

/** Begin an entry. */
GRAFT_MUST_CHECK static struct graft_error *
put_header(struct writing *writing, const char *folder, const char *name,
	   uint64_t len)
{
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = graft_mirror_path(&path, "%s/%s", folder,
						    name);

	return err ? err : graft_tar_put_file(&writing->tar, path, len);
}

static struct graft_error *
put_metadata(void *arg, const char *name, const void *bytes, size_t len)
{
	struct writing *writing = arg;

	if (writing->timestamp.bytes.len &&
	    strcmp(name, "timestamp.json") == 0) {
		bytes = writing->timestamp.bytes.str;
		len = writing->timestamp.bytes.len;
	}
	struct graft_error *err = put_header(writing, "metadata", name, len);
	return err ? err : graft_tar_put_bytes(&writing->tar, bytes, len);
}

static struct graft_error *
put_bytes(void *context, const void *bytes, size_t len)
{
	struct writing *writing = context;

	writing->counts.bytes += len;
	return graft_tar_put_bytes(&writing->tar, bytes, len);
}

/** Put a target; what is not as it was signed is found by who imports it. */
GRAFT_MUST_CHECK static struct graft_error *
put_target(struct writing *writing, size_t i)
{
	const char *name = graft_mirror_name(writing->mirror, i);
	const uint64_t len = graft_mirror_length(writing->mirror, i);
	GRAFT_FREE uint8_t *piece = malloc(PIECE_LEN);
	GRAFT_FREE char *path = NULL;
	uint64_t left = len;
	struct stat st;

	if (!piece)
		return graft_error_no_memory();
	struct graft_error *err = graft_mirror_path(
		&path, "%s/public/targets/%s", writing->dir, name);
	if (err)
		return err;
	GRAFT_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
						O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		return graft_error_os(errno, "open %s", path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != len)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: it is not what was signed", path);
	err = put_header(writing, "targets", name, len);
	while (!err && left) {
		const ssize_t n = read(fd, piece,
				       left < PIECE_LEN ? left : PIECE_LEN);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return graft_error_os(n ? errno : EIO, "read %s", path);
		err = put_bytes(writing, piece, (size_t)n);
		left -= (uint64_t)n;
	}
	return err;
}

/** Sign a timestamp for the way: newer than the one that is served, and good for longer. */
GRAFT_MUST_CHECK static struct graft_error *
sign_for_the_way(const char *dir, const struct graft_repo_keys *keys,
		 uint32_t days, int64_t now, struct graft_repo_online *ret)
{
	const struct graft_repo_config config = { .dir = dir,
						  .live_only = true,
						  .now = now };
	GRAFT_CLEANUP(graft_repo_closep) struct graft_repo *repo = NULL;
	GRAFT_CLEANUP(graft_repo_file_deinit)
	struct graft_repo_file snapshot = { 0 };

	// First the one that is served: so each bundle has a version of its own.
	struct graft_error *err = graft_repo_open(&config, &repo);
	if (!err)
		err = graft_repo_refresh(repo, keys);
	if (err)
		return err;
	graft_repo_close(GRAFT_TAKE(repo));
	err = graft_repo_open(&config, &repo);
	if (err)
		return err;
	const struct graft_metadata *root =
		repo->roles[GRAFT_REPO_ROOT]->live.metadata;
	const struct graft_repo_state state = { .root = root,
						.root_before = root,
						.timestamp_days = days };
	err = graft_repo_read_online(
		repo, GRAFT_METADATA_SNAPSHOT,
		graft_repo_highest(repo, "snapshot", UINT64_MAX), root,
		&snapshot);
	if (!err && !snapshot.metadata)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "the snapshot cannot be read back");
	return err ? err
		   : graft_repo_make_timestamp(repo, &state, keys, &snapshot,
					       ret);
}

/** A folder that is removed at the end of its scope. */
static void
remove_folder(char **folder)
{
	if (*folder)
		graft_error_free(graft_tree_remove(*folder));
	free(*folder);
}

struct graft_error *
graft_bundle_export(const char *dir, const struct graft_repo_keys *keys,
		    uint32_t days, int64_t now, const char *file,
		    struct graft_mirror_counts *ret)
{
	GRAFT_CLEANUP(writing_deinit)
	struct writing writing = { .tar = GRAFT_TAR_NONE, .dir = dir };
	GRAFT_CLEANUP(graft_mirror_closep) struct graft_mirror *mirror = NULL;
	GRAFT_CLEANUP(remove_folder) char *scratch = NULL;
	GRAFT_FREE char *template = NULL;
	GRAFT_FREE char *public = NULL;
	GRAFT_FREE char *root = NULL;

	struct graft_error *err = NULL;
	if (keys->count)
		err = sign_for_the_way(dir, keys, days, now,
				       &writing.timestamp);
	if (!err)
		err = graft_mirror_path(&template, "%s.look.XXXXXX", file);
	if (!err)
		err = graft_mirror_path(&public, "%s/public", dir);
	if (!err)
		err = graft_mirror_path(&root, "%s/metadata/1.root.json",
					public);
	if (err)
		return err;
	// What is public is looked at as by a client that knows the first root.
	if (!mkdtemp(template))
		return graft_error_os(errno, "create a folder beside %s", file);
	scratch = GRAFT_TAKE(template);
	const struct graft_mirror_config config = {
		.dir = scratch,
		.trusted_root = root,
		.url = public,
		.fetcher = { .fetch = serve },
		.now = now,
	};
	err = graft_mirror_open(&config, &mirror);
	if (err)
		return err;
	writing.mirror = mirror;
	err = graft_tar_begin(file, &writing.tar);
	if (!err)
		err = graft_mirror_each_file(mirror, put_metadata, &writing);
	for (size_t i = 0; !err && i < graft_mirror_count(mirror); i++)
		err = put_target(&writing, i);
	if (!err)
		err = graft_tar_end(&writing.tar, file);
	if (err)
		return err;
	*ret = writing.counts;
	ret->targets = ret->fetched = graft_mirror_count(mirror);
	return NULL;
}
