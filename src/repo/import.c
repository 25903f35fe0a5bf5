// SPDX-License-Identifier: Apache-2.0

#include "base/deb_member.h"
#include "base/vec.h"
#include "repo/bundle.h"
#include "repo/names.h"
#include "trust/limits.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

enum {
	BLOCK_LEN = 128 * 1024,
	PIECE_LEN = 64 * 1024,
	/** Bytes of all metadata of a bundle, and how many files. */
	METADATA_BYTES_MAX = 256 << 20,
	METADATA_FILES_MAX = 16384,
};

static const char url[] = "bundle:";

/** A file of metadata. */
struct held {
	char *name;
	uint8_t *bytes;
	size_t len;
};

/** A bundle that is being read. */
struct reading {
	struct archive *archive;
	struct held *held;
	size_t held_count;
	size_t held_cap;
	uint64_t held_bytes;
	struct graft_mirror *mirror;
	struct graft_mirror_counts counts;
};

static void
reading_deinit(struct reading *reading)
{
	for (size_t i = 0; i < reading->held_count; i++) {
		free(reading->held[i].name);
		free(reading->held[i].bytes);
	}
	free(reading->held);
	graft_mirror_close(reading->mirror);
	graft_archive_close(&reading->archive);
}

/** Serve metadata to the client. */
static struct graft_error *
serve(void *context, const struct graft_fetch_request *request)
{
	const struct reading *reading = context;
	const size_t prefix = strlen(url) + strlen("/metadata/");

	// Names have no character that a URL would quote.
	for (size_t i = 0; i < reading->held_count; i++) {
		const struct held *held = &reading->held[i];
		if (strlen(request->url) < prefix ||
		    strcmp(request->url + prefix, held->name) != 0)
			continue;
		if (held->len > request->max_bytes)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "it is too long");
		return request->sink(request->sink_context, held->bytes,
				     held->len);
	}
	return graft_error_new(GRAFT_ERROR_NOT_FOUND,
			       "it is not in the bundle");
}

GRAFT_MUST_CHECK static struct graft_error *
open_archive(const char *file, struct archive **ret)
{
	GRAFT_CLEANUP(graft_archive_close)
	struct archive *archive = archive_read_new();

	if (!archive)
		return graft_error_no_memory();
	// No filter: what is packed is endless before it is measured.
	if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
	    archive_read_open_filename(archive, file, BLOCK_LEN) != ARCHIVE_OK)
		return graft_archive_bad(archive, "open");
	*ret = GRAFT_TAKE(archive);
	return NULL;
}

/** Keep a file of metadata in memory until the client wants it. */
GRAFT_MUST_CHECK static struct graft_error *
hold(struct reading *reading, const char *name, uint64_t len)
{
	if (reading->held_count == METADATA_FILES_MAX ||
	    len > GRAFT_TRUST_TARGETS_BYTES ||
	    reading->held_bytes + len > METADATA_BYTES_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT, "too many metadata");
	struct graft_error *err = graft_vec_reserve(
		&reading->held, &reading->held_cap, reading->held_count + 1,
		sizeof(*reading->held));
	if (err)
		return err;
	struct held *held = &reading->held[reading->held_count++];
	*held = (struct held){ .name = strdup(name),
			       .bytes = malloc(len + 1),
			       .len = (size_t)len };
	if (!held->name || !held->bytes)
		return graft_error_no_memory();
	reading->held_bytes += len;
	const la_ssize_t got = archive_read_data(reading->archive, held->bytes,
						 (size_t)len);
	return got < 0 || (uint64_t)got != len
		       ? graft_archive_bad(reading->archive, name)
		       : NULL;
}

/** Give the bytes of the target at which the archive stands. */
static struct graft_error *
give(void *context, uint64_t offset, graft_fetch_sink_fn sink,
     void *sink_context)
{
	struct reading *reading = context;
	GRAFT_FREE uint8_t *piece = malloc(PIECE_LEN);

	(void)offset;
	if (!piece)
		return graft_error_no_memory();
	for (la_ssize_t n; (n = archive_read_data(reading->archive, piece,
						  PIECE_LEN)) != 0;) {
		if (n < 0)
			return graft_archive_bad(reading->archive, "a target");
		struct graft_error *err = sink(sink_context, piece, (size_t)n);
		if (err)
			return err;
		reading->counts.bytes += (uint64_t)n;
	}
	return NULL;
}

/** Take a target, if it is one and not there. */
GRAFT_MUST_CHECK static struct graft_error *
take(struct reading *reading, const char *name, uint64_t len)
{
	const size_t i = graft_mirror_find(reading->mirror, name);

	if (i == SIZE_MAX)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "no role that is signed lists it");
	if (graft_mirror_has(reading->mirror, i))
		return NULL;
	if (len != graft_mirror_length(reading->mirror, i))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "it is of another length than what was "
				       "signed");
	struct graft_error *err = graft_mirror_take(reading->mirror, i, false,
						    give, reading);
	reading->counts.fetched += !err;
	return err;
}

/** Get the name of an entry: as UTF-8, which the locale may not know, or its bytes. */
static const char *
path_of(struct archive_entry *entry)
{
	const char *path = archive_entry_pathname_utf8(entry);

	return path ? path : archive_entry_pathname(entry);
}

/** Take an entry: metadata first, and all of them verified before the first target. */
GRAFT_MUST_CHECK static struct graft_error *
take_entry(struct reading *reading, const struct graft_mirror_config *config,
	   struct archive_entry *entry)
{
	static const char metadata[] = "metadata/";
	static const char targets[] = "targets/";
	const char *path = path_of(entry);
	const int64_t len = archive_entry_size(entry);

	if (!path || archive_entry_filetype(entry) != AE_IFREG ||
	    archive_entry_hardlink(entry) || len < 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a bundle holds plain files only");
	struct graft_error *err = graft_repo_path_check(path);
	if (err)
		return err;
	if (strncmp(path, metadata, strlen(metadata)) == 0 && !reading->mirror)
		return hold(reading, path + strlen(metadata), (uint64_t)len);
	if (strncmp(path, targets, strlen(targets)) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "no part of a bundle");
	if (!reading->mirror)
		err = graft_mirror_open(config, &reading->mirror);
	return err ? err : take(reading, path + strlen(targets), (uint64_t)len);
}

struct graft_error *
graft_bundle_import(const struct graft_mirror_config *config, const char *file,
		    struct graft_mirror_counts *ret)
{
	GRAFT_CLEANUP(reading_deinit) struct reading reading = { 0 };
	struct graft_mirror_config own = *config;
	struct archive_entry *entry;
	int code;

	own.url = url;
	own.fetcher = (struct graft_fetcher){ .fetch = serve,
					      .context = &reading };
	struct graft_error *err = open_archive(file, &reading.archive);
	if (err)
		return graft_error_prefix(err, "%s", file);
	while ((code = archive_read_next_header(reading.archive, &entry)) ==
	       ARCHIVE_OK) {
		err = take_entry(&reading, &own, entry);
		if (err)
			return graft_error_prefix(
				err, "%s: %.200s", file,
				path_of(entry) ? path_of(entry) : "?");
	}
	if (code != ARCHIVE_EOF) {
		err = graft_archive_bad(reading.archive, "tar");
		return graft_error_prefix(err, "%s", file);
	}
	if (!reading.mirror)
		err = graft_mirror_open(&own, &reading.mirror);
	if (!err)
		err = graft_mirror_commit(reading.mirror);
	if (err)
		return graft_error_prefix(err, "%s", file);
	*ret = reading.counts;
	ret->targets = graft_mirror_count(reading.mirror);
	return NULL;
}
