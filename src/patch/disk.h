// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The part of a hotpatch for the disk: what makes the installed package the new one. Of
 * packages that are upgraded together one hotpatch has a part each.
 *
 * An *index* says of each path of NEW what it is and where its bytes come from: from the
 * installed file, unchanged or by a delta, or from the hotpatch. Its bytes are hashed in
 * the manifest, and it has the hash of all others. Behind it stand zstd frames one after
 * another (docs/format-graft.md): the files of control.tar, with those of OLD as prefix;
 * what travels whole; one delta for each entry that is one, in their order. Parts that are
 * packed together (patch/joined.h) have the same in that order, no frames, and deltas as
 * patch/moved.h has them.
 *
 * Plain data; strings and arrays are owned by the disk part. Paths are untrusted, but
 * checked: relative, without ".." or anything empty, nothing below what is no directory.
 */

#ifndef GRAFT_PATCH_DISK_H
#define GRAFT_PATCH_DISK_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "patch/patch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum graft_disk_type {
	GRAFT_DISK_FILE,
	GRAFT_DISK_DIRECTORY,
	GRAFT_DISK_SYMLINK,
	/** A hard link to an earlier entry, which is a file. */
	GRAFT_DISK_LINK,
};

/** Where the bytes of a file come from. */
enum graft_disk_source {
	/** From the installed file, as it is. */
	GRAFT_DISK_SAME,
	/** From the installed file and a delta. */
	GRAFT_DISK_DELTA,
	/** From the hotpatch alone. */
	GRAFT_DISK_WHOLE,
};

/** A path of NEW. */
struct graft_disk_entry {
	/** Relative to the root; "." for the root itself. */
	char *path;
	enum graft_disk_type type;
	/** Permissions, with set-user-ID and the like. */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	/** Names of the owner: "root" or others. */
	char *user;
	char *group;
	/** Seconds since 1970. */
	uint64_t mtime;
	/** What a link leads to; NULL unless it is one. */
	char *target;

	// All that follows is of files.

	uint64_t size;
	uint8_t sha256[GRAFT_PATCH_SHA256_SIZE];
	enum graft_disk_source source;
	/** The path in OLD, if it is another; NULL with _WHOLE. */
	char *old_path;
	/** Of the installed file; only with _DELTA. */
	uint64_t old_size;
	uint8_t old_sha256[GRAFT_PATCH_SHA256_SIZE];
	/**
	 * The delta leads from what `gzip -d` makes of the old file to this many bytes, of
	 * which `gzip -9n` makes the new one; 0: it leads from file to file.
	 */
	uint64_t raw_size;
	/**
	 * The frame holds this many bytes of a difference to the old file
	 * (patch/difference.h, or patch/moved.h in parts that are packed together); 0: the
	 * new file itself.
	 */
	uint64_t difference_size;
};

/** A file of control.tar, or one of OLD that is needed to undo or to rebuild. */
struct graft_disk_file {
	/** Name in control.tar, or path. */
	char *name;
	/** Permissions; 0 for those of OLD. */
	uint32_t mode;
	uint64_t size;
	uint8_t sha256[GRAFT_PATCH_SHA256_SIZE];
};

/** The part for the disk. */
struct graft_disk {
	/** Of the package; all NULL if the files belong to none. */
	char *package;
	char *architecture;
	char *old_version;
	char *new_version;
	/** Of NEW's control.tar. */
	struct graft_disk_file *controls;
	size_t control_count;
	/**
	 * Of OLD's control.tar, as dpkg keeps them: one behind the other they are the
	 * prefix of the first frame.
	 */
	struct graft_disk_file *old_controls;
	size_t old_control_count;
	/** As in data.tar. */
	struct graft_disk_entry *entries;
	size_t entry_count;
	/** Configuration files as OLD brought them; they travel whole, behind NEW's. */
	struct graft_disk_file *old_conffiles;
	size_t old_conffile_count;

	/** It is packed together with others: nothing in it is packed by itself. */
	bool joined;
	/** Bytes of the delta to the files of NEW's control.tar; only if joined. */
	uint64_t control_delta_size;

	/** The index as one zstd frame, as it was read or made; if joined the index. */
	uint8_t *index;
	size_t index_len;
	/** Of the index decompressed. */
	uint64_t index_size;
	uint8_t index_sha256[GRAFT_PATCH_SHA256_SIZE];
	/** The frames; if joined what they would hold. */
	uint8_t *data;
	size_t data_len;
};

/** Make an empty one; free with graft_disk_free(). */
GRAFT_MUST_CHECK struct graft_error *
graft_disk_new(struct graft_disk **ret);

/** Free a disk part and everything in it. NULL is a no-op. */
void
graft_disk_free(struct graft_disk *disk);
GRAFT_DEFINE_CLEANUP(struct graft_disk, graft_disk_free)

/** Get "file", "directory", "symlink" or "link". Static. */
const char *
graft_disk_type_name(enum graft_disk_type type);

/** Get "same", "delta" or "whole". Static. */
const char *
graft_disk_source_name(enum graft_disk_source source);

/** Get the path that an entry's bytes come from in OLD: its own, or another. */
const char *
graft_disk_old_path(const struct graft_disk_entry *entry);

/** Count the bytes that the frame of an entry which is a delta holds. */
uint64_t
graft_disk_delta_size(const struct graft_disk_entry *entry);

/** Count the bytes that travel whole, decompressed. */
uint64_t
graft_disk_whole_size(const struct graft_disk *disk);

/** Count the bytes of all files of control.tar, of NEW or of OLD. */
uint64_t
graft_disk_control_size(const struct graft_disk_file *files, size_t count);

/** A frame of graft_disk::data. */
struct graft_disk_frame {
	/** Lent. NULL: there is none, since it would hold nothing. */
	const uint8_t *bytes;
	size_t len;
};

/** All frames. */
struct graft_disk_frames {
	struct graft_disk_frame control;
	struct graft_disk_frame whole;
	/** One for each entry; empty unless that is a delta. Owned. */
	struct graft_disk_frame *deltas;
};

/** Free what it owns. */
void
graft_disk_frames_deinit(struct graft_disk_frames *frames);

/**
 * Find the frames of a disk part.
 *
 * @param[out] ret Deinit with graft_disk_frames_deinit().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if there is not one frame for each that must be
 * there, of the size that the index says, and nothing else.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_disk_find_frames(const struct graft_disk *disk,
		       struct graft_disk_frames *ret);

/**
 * Check what an index says: names, paths, links, sizes.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT or #GRAFT_ERROR_LIMIT with the first that is
 * broken.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_disk_check(const struct graft_disk *disk);

/** Append the index as JSON, in its one form. */
void
graft_disk_put_index(const struct graft_disk *disk, struct graft_text *out);

/**
 * Make the index of a disk part whose other members are filled: checked, packed, hashed.
 *
 * @param[in,out] disk Gets graft_disk::index and its hash.
 * @return NULL; what graft_disk_check() returns; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_disk_seal(struct graft_disk *disk);

/**
 * Read a disk part.
 *
 * @param[in] index Untrusted: the zstd frame of the index, of @p index_len bytes.
 * @param[in] size What it must decompress to, and @p sha256 the hash of that.
 * @param[in] data Untrusted: the frames, of @p data_len bytes.
 * @param[out] ret New; free with graft_disk_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_disk_decode(const uint8_t *index, size_t index_len, uint64_t size,
		  const uint8_t sha256[GRAFT_PATCH_SHA256_SIZE],
		  const uint8_t *data, size_t data_len,
		  struct graft_disk **ret);

/**
 * Read an index.
 *
 * @param[in] json Untrusted, of @p len bytes.
 * @param[out] ret New, with nothing but what the index says; free with graft_disk_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_disk_decode_index(const char *json, size_t len, struct graft_disk **ret);

/** Append for people what a disk part brings. */
void
graft_disk_print_text(const struct graft_disk *disk, struct graft_text *text);

/** The members of the archive, where there is one part (patch/disks.h). */
#define GRAFT_DISK_INDEX_MEMBER "disk/index.json.zst"
#define GRAFT_DISK_DATA_MEMBER  "disk/data.zst"

#endif /* GRAFT_PATCH_DISK_H */
