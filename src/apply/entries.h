// SPDX-License-Identifier: Apache-2.0

/** @file The ledger's side of a work: one entry for each module. */

#ifndef GRAFT_APPLY_ENTRIES_H
#define GRAFT_APPLY_ENTRIES_H

#include "base/cleanup.h"
#include "base/error.h"
#include "ledger/ledger.h"
#include "plan/header.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Who is worked on. */
struct graft_entries_who {
	pid_t pid;
	uint64_t start_ticks;
	const char *comm;
	/** Of this boot: graft_entries_boot_id(). */
	const char *boot_id;
};

/** Open entries of one work. */
struct graft_entries {
	int64_t *ids;
	size_t count;
};

/** Free what entries own; what they say in the ledger stays. Also the guard. */
void
graft_entries_deinit(struct graft_entries *entries);

/** Bytes of a boot id with its NUL. */
enum {
	GRAFT_BOOT_ID_SIZE = 64,
};

/** Get the id of this boot; "" if the kernel does not say. */
void
graft_entries_boot_id(char ret[GRAFT_BOOT_ID_SIZE]);

/**
 * Write the intent for each module, synced, with the place of its header page.
 *
 * @param[in] headers What is put in or taken out.
 * @param[out] ret The entries; empty on error.
 * @return NULL; #GRAFT_ERROR_LEDGER; then none is left open.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_entries_begin(struct graft_ledger *ledger,
		    const struct graft_entries_who *who,
		    enum graft_ledger_verb verb,
		    const struct graft_header *const *headers, size_t count,
		    struct graft_entries *ret);

/**
 * Write the outcome that an error means, and hand the error on.
 *
 * @param[in] note What is to be said of it if it is done; "": nothing.
 * @param[in] err Why it failed; NULL: it is done.
 * @return @p err, or that of the ledger if there was none.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_entries_conclude(struct graft_ledger *ledger,
		       const struct graft_entries *entries, uint64_t pause_us,
		       const char *note, struct graft_error *err);

#endif /* GRAFT_APPLY_ENTRIES_H */
