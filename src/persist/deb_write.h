// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Write a Debian package: control.tar and data.tar in an ar archive.
 *
 * It comes to its name whole and synced, or not at all: not finished means that nothing is
 * left of it.
 */

#ifndef GRAFT_PERSIST_DEB_WRITE_H
#define GRAFT_PERSIST_DEB_WRITE_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct graft_disk_entry;

/** A package that is being written. */
struct graft_deb_writer;

/**
 * Begin a package.
 *
 * @param[in] path Where it shall be; its folder is there.
 * @param[out] ret New; free with graft_deb_writer_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_deb_writer_new(const char *path, struct graft_deb_writer **ret);

/** Free a writer, with what is not finished. NULL is a no-op. */
void
graft_deb_writer_free(struct graft_deb_writer *writer);
GRAFT_DEFINE_CLEANUP(struct graft_deb_writer, graft_deb_writer_free)

/** Add a file of control.tar. */
GRAFT_MUST_CHECK struct graft_error *
graft_deb_writer_add_control(struct graft_deb_writer *writer, const char *name,
			     uint32_t mode, const uint8_t *bytes, size_t len);

/**
 * Add a path of data.tar.
 *
 * @param[in] entry Path, type, mode, owner, time and target count.
 * @param[in] bytes Of a file, @p len of them.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_deb_writer_add(struct graft_deb_writer *writer,
		     const struct graft_disk_entry *entry, const uint8_t *bytes,
		     size_t len);

/** Put the package together, sync it, and give it its name. */
GRAFT_MUST_CHECK struct graft_error *
graft_deb_writer_finish(struct graft_deb_writer *writer);

#endif /* GRAFT_PERSIST_DEB_WRITE_H */
