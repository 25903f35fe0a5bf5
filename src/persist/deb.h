// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * All that a Debian package holds: the files of control.tar, and each path of data.tar with
 * its owner, mode and bytes.
 *
 * A package is untrusted: its sizes are bounded, and nothing of it is unpacked under a
 * name. Contents lie in one unnamed temporary file, which goes with the package.
 */

#ifndef GRAFT_PERSIST_DEB_H
#define GRAFT_PERSIST_DEB_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sha256.h"
#include "patch/disk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A file of control.tar. */
struct graft_deb_control {
	char *name;
	uint32_t mode;
	uint8_t *bytes;
	size_t len;
	uint8_t sha256[GRAFT_SHA256_LEN];
};

/** A path of data.tar. */
struct graft_deb_entry {
	char *path;
	enum graft_disk_type type;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	char *user;
	char *group;
	uint64_t mtime;
	/** Of links. */
	char *target;
	/** Of files: where in graft_deb::spill. */
	uint64_t off;
	uint64_t size;
	uint8_t sha256[GRAFT_SHA256_LEN];
};

/** A package. */
struct graft_deb {
	char *path;
	/** Fields of its control file. */
	char *package;
	char *architecture;
	char *version;
	/** What it was built from; its own name and version unless it says another. */
	char *source;
	char *source_version;
	struct graft_deb_control *controls;
	size_t control_count;
	size_t control_cap;
	struct graft_deb_entry *entries;
	size_t entry_count;
	size_t entry_cap;
	/** The files among them, by path. */
	const struct graft_deb_entry **by_path;
	size_t file_count;
	int spill;
};

/**
 * Read a package.
 *
 * @param[in] path Of a `.deb`.
 * @param[out] ret New; close with graft_deb_close().
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_OS; #GRAFT_ERROR_BAD_INPUT;
 * #GRAFT_ERROR_UNSUPPORTED if it holds a device or the like; #GRAFT_ERROR_LIMIT. The
 * message names the file.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_deb_open(const char *path, struct graft_deb **ret);

/**
 * Read of a package what control.tar holds: there are no entries. As graft_deb_open().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_deb_open_control(const char *path, struct graft_deb **ret);

/** Free a package. NULL is a no-op. */
void
graft_deb_close(struct graft_deb *deb);
GRAFT_DEFINE_CLEANUP(struct graft_deb, graft_deb_close)

/**
 * Read the bytes of a file of a package.
 *
 * @param[out] ret New buffer of graft_deb_entry::size bytes that the caller frees.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_deb_read_entry(const struct graft_deb *deb,
		     const struct graft_deb_entry *entry, uint8_t **ret);

/** Find a path of a package that is a file; NULL: there is none. */
const struct graft_deb_entry *
graft_deb_find_file(const struct graft_deb *deb, const char *path);

/** Find a file of control.tar; NULL: there is none. */
const struct graft_deb_control *
graft_deb_find_control(const struct graft_deb *deb, const char *name);

/** Say whether a path is one of the package's configuration files. */
bool
graft_deb_is_conffile(const struct graft_deb *deb, const char *path);

#endif /* GRAFT_PERSIST_DEB_H */
