// SPDX-License-Identifier: Apache-2.0

// Getting a target, section 5.7: it is measured while it comes, and takes its name at
// the end.

#include "base/fault.h"
#include "base/file.h"
#include "trust/client_model.h"
#include "trust/escape.h"
#include "trust/limits.h"
#include "trust/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	CHUNK = 64 * 1024,
	FILE_MODE = 0644,
};

/** A file that is being written beside its place. */
struct beside {
	char *path;
	int fd;
	struct graft_measure *measure;
};

static void
beside_deinit(struct beside *beside)
{
	if (beside->fd >= 0)
		(void)close(beside->fd);
	if (beside->path)
		(void)unlink(beside->path);
	free(beside->path);
	graft_measure_free(beside->measure);
}

/** Make the URL of a target: `dir/HASH.name` in consistent snapshots. */
GRAFT_MUST_CHECK static struct graft_error *
target_url(const struct graft_client *client, const char *base,
	   const char *path, const struct graft_node *target, char **ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text url = { 0 };
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t len = strlen(base);
	GRAFT_FREE char *folder = strndup(path, (size_t)(name - path));

	if (!folder)
		return graft_error_no_memory();
	graft_text_put(&url, base);
	if (!len || base[len - 1] != '/')
		graft_text_put(&url, "/");
	graft_escape_path(&url, folder);
	if (client->root->consistent_snapshot) {
		graft_escape_component(&url, graft_measure_prefix(target));
		graft_text_put(&url, ".");
	}
	graft_escape_component(&url, name);
	return graft_text_take(&url, ret);
}

/** Ask whether a file is the target already. */
static bool
is_there(const char *file, const struct graft_node *target)
{
	GRAFT_CLEANUP(graft_measure_freep) struct graft_measure *measure = NULL;
	GRAFT_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
						O_NONBLOCK);
	GRAFT_FREE uint8_t *chunk = malloc(CHUNK);
	struct graft_error *err = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0 || !chunk || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size != graft_node_get(target, "length")->number)
		return false;
	err = graft_measure_begin(target, &measure);
	while (!err && (n = read(fd, chunk, CHUNK)) > 0)
		err = graft_measure_add(measure, chunk, (size_t)n);
	if (!err)
		err = graft_measure_end(measure);
	// Whatever it is, it is fetched anew.
	bool there = !err;
	graft_error_free(err);
	return there;
}

static struct graft_error *
take_bytes(void *context, const void *bytes, size_t len)
{
	struct beside *beside = context;
	struct graft_error *err = graft_measure_add(beside->measure, bytes,
						    len);

	return err ? err : graft_file_write_fd(beside->fd, bytes, len);
}

GRAFT_MUST_CHECK static struct graft_error *
open_beside(const char *file, const struct graft_node *target,
	    struct beside *beside)
{
	struct stat st;

	if (lstat(file, &st) == 0 && !S_ISREG(st.st_mode))
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"write %s: it is no regular file, and is "
			"left alone",
			file);
	struct graft_error *err = graft_measure_begin(target, &beside->measure);
	if (err)
		return err;
	if (asprintf(&beside->path, "%s.XXXXXX", file) < 0) {
		beside->path = NULL;
		return graft_error_no_memory();
	}
	beside->fd = mkostemp(beside->path, O_CLOEXEC);
	if (beside->fd < 0) {
		int errnum = errno;
		// Nothing is there that could be removed.
		free(GRAFT_TAKE(beside->path));
		return graft_error_os(errnum, "create a file beside %s", file);
	}
	return NULL;
}

/** Give a whole file its name. */
GRAFT_MUST_CHECK static struct graft_error *
put_in_place(struct beside *beside, const char *file)
{
	struct graft_error *err = graft_fault("target-rename");

	if (err)
		return err;
	if (fchmod(beside->fd, FILE_MODE) < 0 || fsync(beside->fd) < 0)
		return graft_error_os(errno, "sync %s", beside->path);
	if (rename(beside->path, file) < 0)
		return graft_error_os(errno, "rename to %s", file);
	free(GRAFT_TAKE(beside->path));
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
fetch_target(struct graft_client *client, const char *url,
	     const struct graft_node *target, const char *file)
{
	const uint64_t length =
		(uint64_t)graft_node_get(target, "length")->number;
	GRAFT_CLEANUP(beside_deinit) struct beside beside = { .fd = -1 };
	struct graft_fetch_request request = {
		.url = url,
		.max_bytes = length,
		.max_ms = graft_fetch_ms(length),
		.sink = take_bytes,
		.sink_context = &beside,
	};

	if (length > GRAFT_TRUST_TARGET_BYTES)
		return graft_error_new(
			GRAFT_ERROR_LIMIT, "a target of more than %llu bytes",
			(unsigned long long)GRAFT_TRUST_TARGET_BYTES);
	struct graft_error *err = open_beside(file, target, &beside);
	if (!err)
		err = client->config.fetcher.fetch(
			client->config.fetcher.context, &request);
	if (!err)
		err = graft_measure_end(beside.measure);
	return err ? err : put_in_place(&beside, file);
}

struct graft_error *
graft_client_check_dir(const struct graft_client *client, const char *dir)
{
	if (!graft_trust_store_is(client->store, dir))
		return NULL;
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "%s: there are the metadata that are trusted, "
			       "which a target could take the place of: choose "
			       "another directory for targets",
			       dir);
}

struct graft_error *
graft_client_download(struct graft_client *client, const char *path,
		      const char *base_url, const char *dir, char **ret)
{
	const struct graft_node *target;
	GRAFT_FREE char *name = NULL;
	GRAFT_FREE char *file = NULL;
	struct graft_client_file said = { .role = "target" };

	struct graft_error *err = graft_client_check_dir(client, dir);
	if (!err)
		err = graft_client_find(client, path, &target);
	if (!err)
		err = graft_escape_file(path, "", &name);
	if (err)
		return err;
	if (!*name)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a target without a name");
	if (asprintf(&file, "%s/%s", dir, name) < 0) {
		file = NULL;
		return graft_error_no_memory();
	}
	if (!graft_measure_prefix(target))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s: it has no hash of a known kind "
				       "(sha256, sha384, sha512)",
				       path);
	if (!is_there(file, target)) {
		GRAFT_FREE char *url = NULL;
		err = target_url(client, base_url, path, target, &url);
		if (!err)
			err = fetch_target(client, url, target, file);
		said.place = url;
		if (err)
			return graft_client_say(&said, err);
	}
	*ret = GRAFT_TAKE(file);
	return NULL;
}
