// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What files hold: build-id and SHA-256 by device, inode, size and times, so that a file is
 * read once however many processes map it.
 *
 * A build-id is what the file says of itself: it saves the hashing of files that nobody
 * wants, and decides nothing.
 */

#ifndef GRAFT_AGENT_CONTENT_H
#define GRAFT_AGENT_CONTENT_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	GRAFT_CONTENT_BUILD_ID_MAX = 64,
};

/** What is known of files. */
struct graft_contents;

/** A file. */
struct graft_content {
	uint8_t build_id[GRAFT_CONTENT_BUILD_ID_MAX];
	/** 0: it has none. */
	size_t build_id_len;
	bool hashed;
	uint8_t sha256[GRAFT_SHA256_LEN];
};

/** Make an empty one. @param[out] ret New; free with graft_contents_free(). */
GRAFT_MUST_CHECK struct graft_error *
graft_contents_new(struct graft_contents **ret);

/** Free it. NULL is a no-op. */
void
graft_contents_free(struct graft_contents *contents);
GRAFT_DEFINE_CLEANUP(struct graft_contents, graft_contents_free)

/**
 * Find out what a file says it is.
 *
 * @param[in] fd Open for reading; its offset is not changed.
 * @param[out] ret Lent until the next call.
 * @return NULL; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_contents_look(struct graft_contents *contents, int fd,
		    struct graft_content **ret);

/**
 * Hash a file, unless that was done, or is too much of late for the user whose process has
 * it (host/budget.h): who forges the build-id of an old file makes us read as many and as
 * long ones as he likes.
 *
 * @param[in,out] content Of graft_contents_look(), of the same @p fd.
 * @param[in] tid Of the process.
 * @return NULL; #GRAFT_ERROR_LIMIT if it is that, or longer than code is;
 * #GRAFT_ERROR_TARGET_GONE; as graft_sha256_fd().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_contents_hash(struct graft_contents *contents,
		    struct graft_content *content, pid_t tid, int fd);

/** Get how many files were not hashed, as that was too much for their user. */
uint64_t
graft_contents_unhashed(const struct graft_contents *contents);

/**
 * Read the build-id of an ELF file.
 *
 * @param[in] fd As with graft_contents_look(). Untrusted: what is no such file, or is
 * malformed, has none.
 * @param[out] ret The build-id.
 * @return Its length; 0: none.
 */
size_t
graft_content_read_build_id(int fd, uint8_t ret[GRAFT_CONTENT_BUILD_ID_MAX]);

#endif /* GRAFT_AGENT_CONTENT_H */
