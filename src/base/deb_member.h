// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The members of a Debian package, deb(5): archives of tar within an archive of ar, read
 * by libarchive.
 */

#ifndef GRAFT_BASE_DEB_MEMBER_H
#define GRAFT_BASE_DEB_MEMBER_H

#include "base/error.h"

#include <stdint.h>

struct archive;

enum {
	GRAFT_DEB_BLOCK = 64 * 1024,
};

/** What a member is read through. It must live as long as the archive in it. */
struct graft_deb_member {
	/** The package; borrowed. */
	struct archive *outer;
	uint8_t block[GRAFT_DEB_BLOCK];
};

/** Close an archive that is read. The guard of `struct archive *`. */
void
graft_archive_close(struct archive **archive);

/**
 * Make an error of what libarchive says.
 *
 * @param[in] what What is read: "data.tar".
 * @return #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_archive_bad(struct archive *archive, const char *what);

/**
 * Open the archive of tar in the member at which the package stands. Only what dpkg writes
 * is read: no filter that starts a program.
 *
 * @param[in] member With its graft_deb_member::outer.
 * @param[out] ret Close with graft_archive_close().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIBRARY; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_deb_member_open(struct graft_deb_member *member, const char *what,
		      struct archive **ret);

#endif /* GRAFT_BASE_DEB_MEMBER_H */
