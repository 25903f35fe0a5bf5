// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The directory of metadata that is trusted.
 *
 * A file `ROLE.json` for each role, byte for byte as it was served; ROLE is written as
 * graft_escape_file() does. Each is written beside, synced and renamed. What is read
 * is verified again by who reads it: a store is no proof. What a write that was killed left beside goes
 * when it is opened.
 */

#ifndef GRAFT_TRUST_STORE_H
#define GRAFT_TRUST_STORE_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A store that is ours alone until it is closed. */
struct graft_trust_store;

/**
 * Open a store, and wait a while for who has it.
 *
 * @param[in] dir Its path.
 * @param[in] make Make it if it is missing, with mode 0700.
 * @param[out] ret New store; graft_trust_store_close().
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_OS; #GRAFT_ERROR_REFUSED if
 * somebody keeps it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_trust_store_open(const char *dir, bool make,
		       struct graft_trust_store **ret);

/**
 * Read the file of a role.
 *
 * @param[in] max Most bytes.
 * @param[out] bytes_ret New buffer that the caller frees.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_trust_store_read(const struct graft_trust_store *store, const char *role,
		       uint64_t max, uint8_t **bytes_ret, size_t *len_ret);

/** Write the file of a role. On error it is as it was. */
GRAFT_MUST_CHECK struct graft_error *
graft_trust_store_write(struct graft_trust_store *store, const char *role,
			const void *bytes, size_t len);

/** Remove the file of a role; it may be missing. */
GRAFT_MUST_CHECK struct graft_error *
graft_trust_store_remove(struct graft_trust_store *store, const char *role);

/** Get the path with which the store was opened. */
const char *
graft_trust_store_path(const struct graft_trust_store *store);

/** Ask whether a directory, by whatever path, is the one of a store. */
bool
graft_trust_store_is(const struct graft_trust_store *store, const char *dir);

/** Close a store. NULL is a no-op. */
void
graft_trust_store_close(struct graft_trust_store *store);
GRAFT_DEFINE_CLEANUP(struct graft_trust_store, graft_trust_store_close)

#endif /* GRAFT_TRUST_STORE_H */
