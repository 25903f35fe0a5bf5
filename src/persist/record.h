// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What was installed, or is being installed: the intent, on disk before anything of the
 * host changes, and later what a rollback needs to know.
 *
 * A small text of fixed lines, of which those of a package are there once for each; what is
 * read must be what would be written. What only a second package needs makes it a record 2.
 *
 *     installing --> switching --> installed --> removing --> reverting --> (gone)
 *          \_____________________________________/
 *
 * While it is `installing` or `removing` files on disk change, while `switching` or
 * `reverting` processes. In each of these the next run goes on.
 */

#ifndef GRAFT_PERSIST_RECORD_H
#define GRAFT_PERSIST_RECORD_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "patch/patch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum graft_record_step {
	GRAFT_RECORD_INSTALLING,
	GRAFT_RECORD_SWITCHING,
	GRAFT_RECORD_INSTALLED,
	GRAFT_RECORD_REMOVING,
	GRAFT_RECORD_REVERTING,
};

/** Which processes are switched too. */
enum graft_record_memory {
	GRAFT_RECORD_NONE,
	/** Some that were named: a run that goes on after a kill names nobody. */
	GRAFT_RECORD_SOME,
	GRAFT_RECORD_ALL,
};

/** A package of a record. Strings are owned. */
struct graft_record_package {
	char *name;
	char *architecture;
	char *old_version;
	char *new_version;
	/**
	 * In which run of dpkg it comes. All are in the first, but for those that need
	 * another one configured before they are unpacked ("Pre-Depends").
	 */
	unsigned run;
};

/** A record. Strings are owned. */
struct graft_record {
	char id[GRAFT_PATCH_ID_LEN + 1];
	enum graft_record_step step;
	/** When it was begun, in microseconds since 1970: the order of several. */
	uint64_t time_us;
	enum graft_record_memory memory;
	/** "" or the root of a package; of other files the folder that they lie in. */
	char *root;
	/** What goes together, as dpkg is given it. None for files of no package. */
	struct graft_record_package *packages;
	size_t package_count;
};

enum {
	/** Longest text of a record, and longer than any. */
	GRAFT_RECORD_TEXT_MAX = 1 << 20,
};

/** Free what a record owns, and zero it. */
void
graft_record_deinit(struct graft_record *record);

/** Get "installing" or the like. Static. */
const char *
graft_record_step_name(enum graft_record_step step);

/** Get "none", "some" or "all". Static. */
const char *
graft_record_memory_name(enum graft_record_memory memory);

/** Append a record as text. */
void
graft_record_encode(const struct graft_record *record, struct graft_text *out);

/**
 * Read a record.
 *
 * @param[in] text Untrusted, of @p len bytes.
 * @param[out] ret Deinit with graft_record_deinit().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_record_decode(const char *text, size_t len, struct graft_record *ret);

#endif /* GRAFT_PERSIST_RECORD_H */
