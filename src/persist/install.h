// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The disk's part of `graft install` and `graft rollback`, step by step; the record says
 * which step is next (persist/record.h). Processes are somebody else's affair.
 *
 * Killed at any moment, what is on disk is what the record says, or about to become it:
 * the next run calls graft_install_go_on() or graft_install_undo() again.
 */

#ifndef GRAFT_PERSIST_INSTALL_H
#define GRAFT_PERSIST_INSTALL_H

#include "base/error.h"
#include "base/text.h"
#include "persist/set.h"
#include "persist/store.h"

#include <stdbool.h>
#include <stdint.h>

struct graft_patch;

/** What is to be installed. */
struct graft_install_request {
	/** Has parts for the disk. */
	struct graft_patch *patch;
	/** "" or the root of the packages; of other files the folder that they lie in. */
	const char *root;
	/** Which processes will be switched too. */
	enum graft_record_memory memory;
	/** Install though maintainer scripts restart services directly. */
	bool allow_scripts;
	/** For dpkg's lock. */
	uint64_t wait_us;
};

/** What a check found. */
struct graft_install_found {
	/** All that is installed is new already: nothing is to be done on disk. */
	bool already;
	/** Of each part for the disk, in their order; NULL for files of no package. */
	enum graft_set_state *states;
	/** What maintainer scripts do to services directly, one a line. */
	struct graft_text scripts;
	size_t script_count;
	/** Paths that this host leaves out of packages. */
	size_t hidden_count;
};

/** Free what it owns. */
void
graft_install_found_deinit(struct graft_install_found *found);

/**
 * Check all that can be checked while nothing is changed.
 *
 * @param[out] found Deinit with graft_install_found_deinit(), after an error too.
 * @return NULL; #GRAFT_ERROR_REFUSED; #GRAFT_ERROR_NOT_FOUND if no package of it
 * is installed; #GRAFT_ERROR_NOT_PERMITTED; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_install_check(const struct graft_install_request *request,
		    struct graft_install_found *found);

/**
 * Put both versions of the packages together in the store, and write the intent. Nothing of
 * the host but the store has changed.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_install_begin(struct graft_store *store,
		    const struct graft_install_request *request);

/**
 * Bring the new files to the disk. If that cannot be, the old ones come back, and the
 * record goes.
 *
 * @param[in] id Of a record that is `installing`; becomes `switching`, or `installed`
 * where no processes are to be switched.
 * @return NULL; why not: the message says whether the old ones are there.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_install_go_on(struct graft_store *store, const char *id,
		    uint64_t wait_us);

/**
 * Bring the old files back.
 *
 * @param[in] id Of a record that is `installed`, `switching` or `removing`; becomes
 * `reverting`, or goes where no processes were switched.
 * @param[in] memory Processes will be switched back; else they are left as they are.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_install_undo(struct graft_store *store, const char *id, bool memory,
		   uint64_t wait_us);

/**
 * Say that processes were seen to: `switching` becomes `installed`; `reverting` goes.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_install_finish(struct graft_store *store, const char *id);

/** Read the hotpatch of a record. @param[out] ret Free with graft_patch_free(). */
GRAFT_MUST_CHECK struct graft_error *
graft_install_read(const struct graft_store *store, const char *id,
		   struct graft_patch **ret);

/**
 * Remove records that no rollback can use: a package of theirs has got another version since,
 * and no other record leads back to it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_install_prune(struct graft_store *store);

#endif /* GRAFT_PERSIST_INSTALL_H */
