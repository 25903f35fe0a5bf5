// SPDX-License-Identifier: Apache-2.0

#include "update/roots.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "base/text.h"
#include "trust/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/** A line: the digits of a SHA-256 and an end. */
	LINE_LEN = 2 * GRAFT_SHA256_LEN + 1,
};

static const char noted[] = "roots";
static const char trusted[] = "trusted/root.json";
/** Those whose bytes are there. */
static const char anchor[] = "anchor.json";
static const char *const files[] = { anchor, trusted };

/** A file, as bytes. */
struct bytes {
	uint8_t *bytes;
	size_t len;
};

static void
bytes_deinit(struct bytes *bytes)
{
	free(bytes->bytes);
}

/** Make the path of a file of a directory. NULL: no memory. */
static char *
join(const char *dir, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

/** Read a file, if it is there and can be. */
static void
read_file(const char *path, size_t max, struct bytes *ret)
{
	*ret = (struct bytes){ 0 };
	if (path)
		graft_error_free(
			graft_file_read(path, max, &ret->bytes, &ret->len));
}

/** Say whether a file that was read holds these bytes. */
static bool
is_same(const struct bytes *file, const void *bytes, size_t len)
{
	return file->bytes && file->len == len &&
	       memcmp(file->bytes, bytes, len) == 0;
}

/** Read the lines of a directory, whole ones only. */
static void
read_noted(const char *dir, struct bytes *ret)
{
	GRAFT_FREE char *path = join(dir, noted);

	read_file(path, (size_t)GRAFT_ROOTS_MAX * LINE_LEN, ret);
	ret->len -= ret->len % LINE_LEN;
}

/** Say whether a line stands among others. */
static bool
holds(const struct bytes *lines, const char line[LINE_LEN])
{
	for (size_t at = 0; at < lines->len; at += LINE_LEN) {
		if (memcmp(lines->bytes + at, line, LINE_LEN) == 0)
			return true;
	}
	return false;
}

/** Make the line of a root. */
GRAFT_MUST_CHECK static struct graft_error *
line_of(const void *bytes, size_t len, char ret[LINE_LEN + 1])
{
	uint8_t hash[GRAFT_SHA256_LEN];
	struct graft_error *err = graft_sha256(bytes, len, hash);

	if (err)
		return err;
	graft_hex_encode(hash, sizeof(hash), ret);
	ret[LINE_LEN - 1] = '\n';
	ret[LINE_LEN] = '\0';
	return NULL;
}

struct graft_error *
graft_roots_note(const char *dir, const void *bytes, size_t len)
{
	GRAFT_CLEANUP(bytes_deinit) struct bytes lines = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	char line[LINE_LEN + 1];
	GRAFT_FREE char *path = join(dir, noted);

	if (!path)
		return graft_error_no_memory();
	struct graft_error *err = line_of(bytes, len, line);
	if (err)
		return err;
	read_noted(dir, &lines);
	if (holds(&lines, line))
		return NULL;
	const size_t left_out = lines.len == (size_t)GRAFT_ROOTS_MAX * LINE_LEN
					? LINE_LEN
					: 0;
	if (lines.len > left_out)
		graft_text_put_bytes(&text, lines.bytes + left_out,
				     lines.len - left_out);
	graft_text_put(&text, line);
	return text.failed ? graft_error_no_memory()
			   : graft_file_write(path, text.str, text.len, 0600);
}

struct graft_error *
graft_roots_anchor(const char *dir, const void *bytes, size_t len)
{
	GRAFT_CLEANUP(bytes_deinit) struct bytes before = { 0 };
	GRAFT_FREE char *path = join(dir, anchor);
	struct graft_error *err = NULL;

	if (!path)
		return graft_error_no_memory();
	read_file(path, GRAFT_TRUST_ROOT_BYTES, &before);
	if (is_same(&before, bytes, len))
		return NULL;
	// One that never led anywhere was not trusted.
	if (before.bytes && graft_roots_are_trusted(dir))
		err = graft_roots_note(dir, before.bytes, before.len);
	return err ? err : graft_file_write(path, bytes, len, 0600);
}

bool
graft_roots_have(const char *dir, const void *bytes, size_t len)
{
	GRAFT_CLEANUP(bytes_deinit) struct bytes lines = { 0 };
	char line[LINE_LEN + 1];
	bool same = false;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files) && !same; i++) {
		GRAFT_CLEANUP(bytes_deinit) struct bytes there = { 0 };
		GRAFT_FREE char *path = join(dir, files[i]);
		read_file(path, GRAFT_TRUST_ROOT_BYTES, &there);
		same = is_same(&there, bytes, len);
	}
	if (same)
		return true;
	struct graft_error *err = line_of(bytes, len, line);
	graft_error_free(err);
	if (err)
		return false;
	read_noted(dir, &lines);
	return holds(&lines, line);
}

bool
graft_roots_have_file(const char *dir, const char *file)
{
	GRAFT_CLEANUP(bytes_deinit) struct bytes root = { 0 };

	read_file(file, GRAFT_TRUST_ROOT_BYTES, &root);
	return root.bytes && graft_roots_have(dir, root.bytes, root.len);
}

bool
graft_roots_are_one(const char *dir, const char *other)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		GRAFT_FREE char *mine = join(dir, files[i]);
		GRAFT_FREE char *its = join(other, files[i]);
		if ((mine && graft_roots_have_file(other, mine)) ||
		    (its && graft_roots_have_file(dir, its)))
			return true;
	}
	return false;
}

bool
graft_roots_are_trusted(const char *dir)
{
	GRAFT_FREE char *path = join(dir, trusted);

	return path && access(path, F_OK) == 0;
}
