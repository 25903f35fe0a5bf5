// SPDX-License-Identifier: Apache-2.0

/** @file Imports whose interface says which argument is a line number. */

#ifndef GRAFT_DIFF_LINE_IMPORTS_H
#define GRAFT_DIFF_LINE_IMPORTS_H

#include <stdbool.h>

/**
 * Get which argument of a function is a line number.
 *
 * @param[in] name Its dynamic symbol.
 * @return 0 for the first; -1: none is known to be.
 */
int
graft_line_import_argument(const char *name);

/** Say whether a function is known never to return. */
bool
graft_line_import_ends(const char *name);

/**
 * Say whether a function is known to have no such argument.
 *
 * @param[in] name Its dynamic symbol.
 * @param[in] argument 0 for the first.
 */
bool
graft_line_import_ignores(const char *name, unsigned argument);

#endif /* GRAFT_DIFF_LINE_IMPORTS_H */
