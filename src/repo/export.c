// SPDX-License-Identifier: Apache-2.0

#include "base/deb_member.h"
#include "base/file.h"
#include "repo/bundle.h"
#include "repo/mirror_model.h"
#include "repo/online.h"
#include "repo/repo_model.h"
#include "repo/tree.h"
#include "trust/limits.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	PIECE_LEN = 64 * 1024,
	MODE = 0644,
};

/** A bundle that is being written. */
struct writing {
	struct archive *archive;
	int fd;
	char *beside;
	const struct graft_mirror *mirror;
	/** In the place of the one that is public; without bytes: that one. */
	struct graft_repo_online timestamp;
	const char *dir;
	struct graft_mirror_counts counts;
};

static void
writing_deinit(struct writing *writing)
{
	if (writing->archive)
		(void)archive_write_free(writing->archive);
	if (writing->fd >= 0)
		(void)close(writing->fd);
	if (writing->beside)
		(void)unlink(writing->beside);
	free(writing->beside);
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

	if (err)
		return err;
	struct archive_entry *entry = archive_entry_new();
	if (!entry)
		return graft_error_no_memory();
	// The same repository is the same bundle.
	archive_entry_copy_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, MODE);
	archive_entry_set_size(entry, (la_int64_t)len);
	const int code = archive_write_header(writing->archive, entry);
	archive_entry_free(entry);
	return code == ARCHIVE_OK ? NULL
				  : graft_error_new(GRAFT_ERROR_OS, "write: %s",
						    archive_error_string(
							    writing->archive));
}

GRAFT_MUST_CHECK static struct graft_error *
put_data(struct writing *writing, const void *bytes, size_t len)
{
	const la_ssize_t n = archive_write_data(writing->archive, bytes, len);

	return n < 0 || (size_t)n != len
		       ? graft_error_new(GRAFT_ERROR_OS, "write: %s",
					 archive_error_string(writing->archive))
		       : NULL;
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
	return err ? err : put_data(writing, bytes, len);
}

static struct graft_error *
put_bytes(void *context, const void *bytes, size_t len)
{
	struct writing *writing = context;

	writing->counts.bytes += len;
	return put_data(writing, bytes, len);
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

GRAFT_MUST_CHECK static struct graft_error *
open_beside(const char *file, struct writing *writing)
{
	GRAFT_FREE char *name = NULL;
	struct graft_error *err = graft_file_check_place(file);

	if (err)
		return graft_error_prefix(err, "%s", file);
	err = graft_mirror_path(&name, "%s.XXXXXX", file);
	if (err)
		return err;
	writing->fd = mkostemp(name, O_CLOEXEC);
	if (writing->fd < 0)
		return graft_error_os(errno, "create a file beside %s", file);
	writing->beside = GRAFT_TAKE(name);
	writing->archive = archive_write_new();
	if (!writing->archive)
		return graft_error_no_memory();
	// Names byte for byte: libarchive would ask the locale, which knows none of them.
	if (archive_write_set_format_pax_restricted(writing->archive) !=
		    ARCHIVE_OK ||
	    archive_write_set_options(writing->archive, "hdrcharset=BINARY") !=
		    ARCHIVE_OK ||
	    archive_write_open_fd(writing->archive, writing->fd) != ARCHIVE_OK)
		return graft_error_new(GRAFT_ERROR_LIBRARY, "write: %s",
				       archive_error_string(writing->archive));
	return NULL;
}

/** End the archive and give it its name. */
GRAFT_MUST_CHECK static struct graft_error *
put_in_place(struct writing *writing, const char *file)
{
	if (archive_write_close(writing->archive) != ARCHIVE_OK)
		return graft_error_new(GRAFT_ERROR_OS, "write: %s",
				       archive_error_string(writing->archive));
	if (fchmod(writing->fd, MODE) < 0 || fsync(writing->fd) < 0)
		return graft_error_os(errno, "sync %s", writing->beside);
	if (rename(writing->beside, file) < 0)
		return graft_error_os(errno, "rename to %s", file);
	free(GRAFT_TAKE(writing->beside));
	return graft_file_sync_parent(file);
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
	struct writing writing = { .fd = -1, .dir = dir };
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
	err = open_beside(file, &writing);
	if (!err)
		err = graft_mirror_each_file(mirror, put_metadata, &writing);
	for (size_t i = 0; !err && i < graft_mirror_count(mirror); i++)
		err = put_target(&writing, i);
	if (!err)
		err = put_in_place(&writing, file);
	if (err)
		return err;
	*ret = writing.counts;
	ret->targets = ret->fetched = graft_mirror_count(mirror);
	return NULL;
}
