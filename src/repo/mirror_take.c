// SPDX-License-Identifier: Apache-2.0

// A target that comes: beside, measured, resumed where it was cut off, renamed.

#include "repo/mirror_model.h"

#include "base/fault.h"
#include "base/file.h"
#include "repo/tree.h"
#include "trust/escape.h"
#include "trust/limits.h"
#include "trust/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum {
	PIECE_LEN = 64 * 1024,
};

/** A target that is coming. */
struct coming {
	int fd;
	char *path;
	uint64_t len;
	struct graft_measure *measure;
};

static void
coming_deinit(struct coming *coming)
{
	if (coming->fd >= 0)
		(void)close(coming->fd);
	free(coming->path);
	graft_measure_free(coming->measure);
}

/** Measure what is there of it. */
GRAFT_MUST_CHECK static struct graft_error *
measure_present(struct coming *coming)
{
	GRAFT_FREE uint8_t *piece = malloc(PIECE_LEN);

	if (!piece)
		return graft_error_no_memory();
	for (ssize_t n; (n = read(coming->fd, piece, PIECE_LEN)) != 0;) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return graft_error_os(errno, "read %s", coming->path);
		struct graft_error *err = graft_measure_add(coming->measure,
							    piece, (size_t)n);
		if (err)
			return err;
		coming->len += (uint64_t)n;
	}
	return NULL;
}

/** Open what is there of a target, or begin it. */
GRAFT_MUST_CHECK static struct graft_error *
open_coming(const struct graft_mirror *mirror, size_t i, bool resume,
	    struct coming *coming)
{
	const struct graft_mirror_target *target = &mirror->targets[i];
	struct stat st;

	struct graft_error *err =
		graft_mirror_path(&coming->path, "%s/partial/%s",
				  mirror->config.dir, target->hash);
	if (!err)
		err = graft_tree_make_parent(coming->path);
	if (!err)
		err = graft_measure_begin(target->node, &coming->measure);
	if (err)
		return err;
	coming->fd = open(coming->path,
			  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (coming->fd < 0 || fstat(coming->fd, &st) < 0)
		return graft_error_os(errno, "open %s", coming->path);
	if (resume && (uint64_t)st.st_size <= graft_mirror_length(mirror, i))
		return measure_present(coming);
	return ftruncate(coming->fd, 0) < 0
		       ? graft_error_os(errno, "truncate %s", coming->path)
		       : NULL;
}

static struct graft_error *
take_bytes(void *context, const void *bytes, size_t len)
{
	struct coming *coming = context;
	struct graft_error *err = graft_measure_add(coming->measure, bytes,
						    len);

	if (!err)
		err = graft_file_write_fd(coming->fd, bytes, len);
	coming->len += err ? 0 : len;
	return err;
}

/** Give a target its name. */
GRAFT_MUST_CHECK static struct graft_error *
put_in_place(const struct graft_mirror *mirror, size_t i,
	     const struct coming *coming)
{
	GRAFT_FREE char *path = NULL;

	struct graft_error *err = graft_fault("mirror-rename");
	if (!err)
		err = graft_mirror_file(mirror, i, &path);
	if (!err)
		err = graft_tree_make_parent(path);
	if (err)
		return err;
	if (fchmod(coming->fd, 0644) < 0 || fsync(coming->fd) < 0)
		return graft_error_os(errno, "sync %s", coming->path);
	return rename(coming->path, path) < 0
		       ? graft_error_os(errno, "rename to %s", path)
		       : NULL;
}

struct graft_error *
graft_mirror_take(struct graft_mirror *mirror, size_t i, bool resume,
		  graft_mirror_source_fn *source, void *context)
{
	GRAFT_CLEANUP(coming_deinit) struct coming coming = { .fd = -1 };
	const uint64_t length = graft_mirror_length(mirror, i);

	if (length > GRAFT_TRUST_TARGET_BYTES)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: larger than clients take",
				       mirror->targets[i].name);
	struct graft_error *err = open_coming(mirror, i, resume, &coming);
	const uint64_t before = coming.len;
	if (!err && coming.len < length)
		err = source(context, coming.len, take_bytes, &coming);
	if (!err)
		err = graft_measure_end(coming.measure);
	if (!err)
		return put_in_place(mirror, i, &coming);
	// What is wrong may have come before, or now. What is only cut off stays.
	const enum graft_error_code code = graft_error_code(err);
	if (code == GRAFT_ERROR_BAD_INPUT || code == GRAFT_ERROR_LIMIT) {
		(void)unlink(coming.path);
		if (before && resume) {
			graft_error_free(err);
			return graft_mirror_take(mirror, i, false, source,
						 context);
		}
	}
	return graft_error_prefix(err, "%s", mirror->targets[i].name);
}

/** A target that is fetched. */
struct fetching {
	const struct graft_mirror *mirror;
	const char *url;
	uint64_t length;
	uint64_t bytes;
	graft_fetch_sink_fn sink;
	void *sink_context;
};

static struct graft_error *
count_bytes(void *context, const void *bytes, size_t len)
{
	struct fetching *fetching = context;

	fetching->bytes += len;
	return fetching->sink(fetching->sink_context, bytes, len);
}

static struct graft_error *
fetch(void *context, uint64_t offset, graft_fetch_sink_fn sink,
      void *sink_context)
{
	struct fetching *fetching = context;
	const struct graft_fetcher *fetcher = &fetching->mirror->config.fetcher;
	const struct graft_fetch_request request = {
		.url = fetching->url,
		.max_bytes = fetching->length,
		.offset = offset,
		.max_ms = graft_fetch_ms(fetching->length),
		.sink = count_bytes,
		.sink_context = fetching,
	};

	fetching->sink = sink;
	fetching->sink_context = sink_context;
	return fetcher->fetch(fetcher->context, &request);
}

struct graft_error *
graft_mirror_fetch(struct graft_mirror *mirror, size_t i, uint64_t *bytes)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text url = { 0 };
	struct fetching fetching = {
		.mirror = mirror,
		.length = graft_mirror_length(mirror, i),
	};

	graft_text_printf(&url, "%s/targets/", mirror->config.url);
	graft_escape_path(&url, mirror->targets[i].name);
	if (url.failed)
		return graft_error_no_memory();
	fetching.url = url.str;
	struct graft_error *err = graft_mirror_take(mirror, i, true, fetch,
						    &fetching);
	*bytes += fetching.bytes;
	return err;
}

struct graft_error *
graft_mirror_run(const struct graft_mirror_config *config,
		 struct graft_mirror_counts *ret)
{
	GRAFT_CLEANUP(graft_mirror_closep) struct graft_mirror *mirror = NULL;
	struct graft_error *err = graft_mirror_open(config, &mirror);

	if (err)
		return err;
	*ret = (struct graft_mirror_counts){ .targets = mirror->target_count };
	for (size_t i = 0; !err && i < mirror->target_count; i++) {
		if (graft_mirror_has(mirror, i))
			continue;
		err = graft_mirror_fetch(mirror, i, &ret->bytes);
		ret->fetched += !err;
	}
	return err ? err : graft_mirror_commit(mirror);
}
