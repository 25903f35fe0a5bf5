// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What is kept of installations, in `install/` of the state directory: one folder each,
 * called after its hotpatch.
 *
 *     install/lock             one installation at a time
 *     install/ID/record        persist/record.h; without it the rest is rubbish
 *     install/ID/fix.graft     the hotpatch
 *     install/ID/new.deb       while it is being installed; new.deb.1 and so on, where
 *                              several packages are installed together
 *     install/ID/old.deb       what a rollback installs; as many
 *     install/ID/new.hidden    what dpkg is told to leave out, and old.hidden
 *     install/ID/old.N         a file of no package, as it was
 *     install/ID/log           what dpkg printed last
 */

#ifndef GRAFT_PERSIST_STORE_H
#define GRAFT_PERSIST_STORE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "persist/record.h"

#include <stdbool.h>
#include <stddef.h>

/** The store, which nobody else changes meanwhile. */
struct graft_store;

/** Say whether anything was ever installed by this state directory. */
bool
graft_store_is_there(void);

/**
 * Open the store, and make it if it is not there. Folders without a record are removed.
 *
 * @param[in] wait_us Longest time to wait for another graft that installs.
 * @param[out] ret New; free with graft_store_close().
 * @return NULL; #GRAFT_ERROR_REFUSED if another one is at work; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_store_open(uint64_t wait_us, struct graft_store **ret);

/** Close the store. NULL is a no-op. */
void
graft_store_close(struct graft_store *store);
GRAFT_DEFINE_CLEANUP(struct graft_store, graft_store_close)

/** The records of the store, oldest first. Borrowed until the store changes. */
const struct graft_record *
graft_store_records(const struct graft_store *store, size_t *count_ret);

/** Find a record by its id; NULL: there is none. Borrowed. */
const struct graft_record *
graft_store_find(const struct graft_store *store, const char *id);

/** Make the path of a file of an installation. @param[out] ret The caller frees it. */
GRAFT_MUST_CHECK struct graft_error *
graft_store_path(const struct graft_store *store, const char *id,
		 const char *name, char **ret);

/** Make the folder of an installation. */
GRAFT_MUST_CHECK struct graft_error *
graft_store_make(const struct graft_store *store, const char *id);

/**
 * Write a record: it is on disk when this returns.
 *
 * @param[in] record Copied.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_store_put(struct graft_store *store, const struct graft_record *record);

/** Remove an installation: its record first. */
GRAFT_MUST_CHECK struct graft_error *
graft_store_remove(struct graft_store *store, const char *id);

/** Remove a file of an installation, if it is there. */
void
graft_store_drop(const struct graft_store *store, const char *id,
		 const char *name);

#endif /* GRAFT_PERSIST_STORE_H */
