// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The packages of a hotpatch before dpkg gets them: checked, and put together in the store.
 * Nothing else of the host changes.
 */

#ifndef GRAFT_PERSIST_STAGE_H
#define GRAFT_PERSIST_STAGE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct graft_install_found;
struct graft_install_request;
struct graft_record;
struct graft_store;

/** Check the packages; @p found says which of them are there, and in which version. */
GRAFT_MUST_CHECK struct graft_error *
graft_stage_check(const struct graft_install_request *request,
		  struct graft_install_found *found);

/**
 * Write both versions of each package that is old.
 *
 * @param[in,out] record Gets graft_record::packages.
 * @return NULL; #GRAFT_ERROR_REFUSED if none is old any more.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_stage_write(struct graft_store *store,
		  const struct graft_install_request *request,
		  struct graft_record *record);

enum {
	/** Longest name of a package in the store, with its NUL. */
	GRAFT_STAGE_NAME_LEN = 32,
};

/** Make the name in the store of a record's package: "new.deb", "new.deb.1" and so on. */
void
graft_stage_name(bool new, size_t i, char ret[GRAFT_STAGE_NAME_LEN]);

#endif /* GRAFT_PERSIST_STAGE_H */
