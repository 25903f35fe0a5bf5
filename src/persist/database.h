// SPDX-License-Identifier: Apache-2.0

/** @file What dpkg's database says of all packages at once. */

#ifndef GRAFT_PERSIST_DATABASE_H
#define GRAFT_PERSIST_DATABASE_H

#include "base/error.h"

/**
 * Ask dpkg-query(1) of every package.
 *
 * @param[in] root "" or the path of another root.
 * @param[in] format Of a line, as its -f takes it.
 * @param[out] ret New string that the caller frees; "" if there are none.
 * @return NULL; #GRAFT_ERROR_UNSUPPORTED if there is no dpkg; what graft_ask() returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_database_ask(const char *root, const char *format, char **ret);

#endif /* GRAFT_PERSIST_DATABASE_H */
