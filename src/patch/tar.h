// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The one form of a tar archive that a `.graft` file has.
 *
 * POSIX ustar, regular files only, mode 0644, owner 0, time 0; no name needs the
 * prefix field. A header is read by making it again from its name and size and
 * comparing all 512 bytes. Inside patch/ only.
 */

#ifndef GRAFT_PATCH_TAR_H
#define GRAFT_PATCH_TAR_H

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

enum {
	GRAFT_TAR_BLOCK = 512,
	/** Longest name, with its NUL. */
	GRAFT_TAR_NAME_LEN = 100,
};

/** A member of an archive. */
struct graft_tar_member {
	char name[GRAFT_TAR_NAME_LEN];
	/** Lent, inside the archive. */
	const uint8_t *bytes;
	size_t len;
};

/** Append a member; @p name is shorter than #GRAFT_TAR_NAME_LEN. */
void
graft_tar_put(struct graft_text *out, const char *name, const void *bytes,
	      size_t len);

/** Append the end of the archive: two blocks of zeroes. */
void
graft_tar_put_end(struct graft_text *out);

/**
 * Read a member and step behind it.
 *
 * @param[in] bytes The archive, of @p len bytes.
 * @param[in,out] off Where a header must start.
 * @param[out] ret The member.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tar_next(const uint8_t *bytes, size_t len, size_t *off,
	       struct graft_tar_member *ret);

/** Check that nothing but the end of the archive is at @p off. */
GRAFT_MUST_CHECK struct graft_error *
graft_tar_check_end(const uint8_t *bytes, size_t len, size_t off);

/**
 * Make the checksum of a header right. For graft_patch_seal().
 *
 * @param[in,out] header #GRAFT_TAR_BLOCK bytes.
 */
void
graft_tar_seal(uint8_t *header);

#endif /* GRAFT_PATCH_TAR_H */
